import { useEffect, useMemo } from 'preact/hooks';

import { useDevices } from '../hooks';
import { useTexts } from '../i18n';
import type { LocalMedia } from '../media/local-media';
import { DeviceSelect } from '../parts/device-select';
import { DeviceWarnings } from '../parts/device-warnings';
import { Icon } from '../parts/icons';
import { LevelMeter } from '../parts/level-meter';
import { Toggle } from '../parts/toggle';
import { Video } from '../parts/video';

/** The person's own picture and sound before the class, with what they will start with. */
export function Preview({ media }: { media: LocalMedia }) {
  const t = useTexts();
  const { camera, microphone } = useDevices(media);
  useEffect(() => media.open(), [media]);
  const stream = useMemo(
    () => (camera.track === null ? null : new MediaStream([camera.track])),
    [camera.track],
  );
  return (
    <section class="preview" aria-label={t.previewLabel}>
      <div class="preview-picture" data-video={stream === null ? 'off' : 'on'}>
        <p class="preview-empty">
          <Icon name={camera.on ? 'camera' : 'cameraOff'} size={34} />
          {camera.on ? t.cameraStarting : t.cameraIsOff}
        </p>
        <Video stream={stream} label={t.previewLabel} mirrored testId="preview-video" />
        <div class="preview-controls">
          <Toggle
            testId="microphone-toggle"
            icon={microphone.on ? 'microphone' : 'microphoneOff'}
            label={t.microphone}
            hint={microphone.on ? t.muteMicrophone : t.unmuteMicrophone}
            pressed={microphone.on}
            tone="device"
            onPress={() => media.switch('microphone', !microphone.on)}
          />
          <Toggle
            testId="camera-toggle"
            icon={camera.on ? 'camera' : 'cameraOff'}
            label={t.camera}
            hint={camera.on ? t.stopCamera : t.startCamera}
            pressed={camera.on}
            tone="device"
            onPress={() => media.switch('camera', !camera.on)}
          />
        </div>
      </div>
      <div class="preview-level">
        <Icon name={microphone.on ? 'microphone' : 'microphoneOff'} size={18} />
        <LevelMeter track={microphone.on ? microphone.track : null} />
      </div>
      <DeviceWarnings media={media} />
      <div class="preview-devices">
        <DeviceSelect media={media} kind="microphone" />
        <DeviceSelect media={media} kind="camera" />
      </div>
    </section>
  );
}
