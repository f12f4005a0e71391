import type { Session } from '@firstbell/sdk';

import type { DeviceKind, LocalMedia } from './local-media';

const KINDS: readonly DeviceKind[] = ['microphone', 'camera'];

/** Sends what is switched on, from now until the returned function is called. */
export function publishDevices(session: Session, media: LocalMedia): () => void {
  const sent: Record<DeviceKind, MediaStreamTrack | null> = { camera: null, microphone: null };
  const update = (): void => {
    for (const kind of KINDS) {
      const { on, track } = media.devices[kind];
      const wanted = on ? track : null;
      if (sent[kind] === wanted) continue;
      sent[kind] = wanted;
      session.publish(kind, wanted).catch(reportError);
    }
  };
  update();
  return media.on('change', update);
}
