import { useTexts } from '../i18n';
import type { DeviceKind, LocalMedia } from '../media/local-media';
import { useDevices } from '../hooks';
import { BlurToggle } from './blur-toggle';

/** Which camera or microphone to use. */
export function DeviceSelect({ media, kind }: { media: LocalMedia; kind: DeviceKind }) {
  const t = useTexts();
  const device = useDevices(media)[kind];
  const available = media.available(kind);
  const name = kind === 'camera' ? t.camera : t.microphone;
  const chosen = available.some(({ deviceId }) => deviceId === device.chosen) ? device.chosen : '';
  const select = (
    <label class="field">
      <span>{name}</span>
      <select
        data-testid={`device-${kind}`}
        value={chosen}
        onChange={(event) => media.choose(kind, event.currentTarget.value)}
      >
        <option value="">{t.defaultDevice}</option>
        {available
          .filter(({ deviceId }) => deviceId !== 'default')
          .map(({ deviceId, label }, index) => (
            <option key={deviceId} value={deviceId}>
              {label === '' ? t.deviceNumber(name, index + 1) : label}
            </option>
          ))}
      </select>
    </label>
  );
  if (kind === 'microphone') return select;
  return (
    <div class="device-field">
      {select}
      <BlurToggle media={media} />
    </div>
  );
}
