import { DeviceError, openScreen, type DeviceProblem, type Session } from '@firstbell/sdk';
import { useEffect, useRef, useState } from 'preact/hooks';

export interface ScreenShare {
  readonly live: boolean;
  readonly problem: DeviceProblem | null;
  readonly start: () => void;
  readonly stop: () => void;
}

export const canShareScreen = (): boolean =>
  navigator.mediaDevices?.getDisplayMedia !== undefined;

/** The person's own screen in `session`; ends with the class, or from the browser's own bar. */
export function useScreenShare(session: Session): ScreenShare {
  const [stream, setStream] = useState<MediaStream | null>(null);
  const [problem, setProblem] = useState<DeviceProblem | null>(null);
  const opening = useRef(false);

  const start = async (): Promise<void> => {
    if (opening.current || stream !== null) return;
    opening.current = true;
    setProblem(null);
    try {
      setStream(await openScreen());
    } catch (error) {
      const found = error instanceof DeviceError ? error.problem : 'unknown';
      if (found !== 'cancelled') setProblem(found);
    } finally {
      opening.current = false;
    }
  };

  useEffect(() => {
    if (stream === null) return undefined;
    const ended = (): void => setStream(null);
    stream.getVideoTracks()[0]?.addEventListener('ended', ended);
    session.publishScreen(stream).catch(reportError);
    return () => {
      session.publishScreen(null).catch(reportError);
      stream.getTracks().forEach((track) => {
        track.removeEventListener('ended', ended);
        track.stop();
      });
    };
  }, [session, stream]);

  return {
    live: stream !== null,
    problem,
    start: () => void start(),
    stop: () => setStream(null),
  };
}
