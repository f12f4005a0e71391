import { useEffect, useMemo, useRef, useState } from 'preact/hooks';

import { useDevices } from '../hooks';
import { watchLevel } from '../media/level';
import type { LocalMedia } from '../media/local-media';
import { DeviceSelect } from '../parts/device-select';
import { LevelMeter } from '../parts/level-meter';
import { PermissionHelp } from '../parts/permission-help';
import { Video } from '../parts/video';
import { Card } from './card';
import { cameraFinding, deviceFinding, microphoneFinding, type Finding } from './findings';
import { useCheckTexts } from './texts';

interface DeviceCardProps {
  readonly media: LocalMedia;
  readonly running: boolean;
  /** What was found, once it is. */
  readonly onFound: (found: readonly Finding[]) => void;
}

const LOOK_EVERY_MS = 500;

export function CameraCard({ media, running, onFound }: DeviceCardProps) {
  const t = useCheckTexts();
  const { track, problem } = useDevices(media).camera;
  const stream = useMemo(() => (track === null ? null : new MediaStream([track])), [track]);
  const [seen, setSeen] = useState<Finding>();
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    setSeen(undefined);
    if (track === null) return undefined;
    const look = (): void => setSeen(cameraFinding(lumaOf(place.current?.querySelector('video'))));
    const timer = setInterval(look, LOOK_EVERY_MS);
    return () => clearInterval(timer);
  }, [track]);
  const findings = problem !== null ? [deviceFinding('camera', problem)] : seen === undefined ? [] : [seen];
  useEffect(() => onFound(findings), [findings[0]?.code]);
  const { width, height } = track?.getSettings() ?? {};
  return (
    <Card name="camera" icon="camera" findings={findings} running={running}>
      {running && (
        <>
          <div ref={place} class="check-picture" hidden={stream === null}>
            <Video stream={stream} label={t.camera} mirrored testId="check-video" />
          </div>
          {width !== undefined && height !== undefined && <p>{t.picture(width, height)}</p>}
          <DeviceSelect media={media} kind="camera" />
          {problem === 'denied' && <PermissionHelp />}
        </>
      )}
    </Card>
  );
}

/** Brightness of a coarse sample; empty while there is no picture. */
function lumaOf(video: HTMLVideoElement | null | undefined): readonly number[] {
  if (video === null || video === undefined || video.videoWidth === 0) return [];
  const [width, height] = [32, 18];
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  if (pen === null) return [];
  pen.drawImage(video, 0, 0, width, height);
  const { data } = pen.getImageData(0, 0, width, height);
  return Array.from({ length: width * height }, (_, pixel) => {
    const [red = 0, green = 0, blue = 0] = data.subarray(pixel * 4, pixel * 4 + 3);
    return 0.299 * red + 0.587 * green + 0.114 * blue;
  });
}

export function MicrophoneCard({ media, running, onFound }: DeviceCardProps) {
  const t = useCheckTexts();
  const { track, problem } = useDevices(media).microphone;
  const [heard, setHeard] = useState<Finding>();
  useEffect(() => {
    setHeard(undefined);
    if (track === null) return undefined;
    let loudest = 0;
    const since = performance.now();
    const stop = watchLevel(track, (level) => {
      loudest = Math.max(loudest, level);
      setHeard(microphoneFinding(loudest, performance.now() - since, track.muted));
    });
    return stop;
  }, [track]);
  const findings = problem !== null ? [deviceFinding('microphone', problem)] : heard === undefined ? [] : [heard];
  useEffect(() => onFound(findings), [findings[0]?.code]);
  return (
    <Card name="microphone" icon="microphone" findings={findings} running={running}>
      {running && (
        <>
          {problem === null && <p>{t.say}</p>}
          <LevelMeter track={track} />
          <DeviceSelect media={media} kind="microphone" />
          {problem === 'denied' && <PermissionHelp />}
        </>
      )}
    </Card>
  );
}
