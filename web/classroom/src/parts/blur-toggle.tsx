import { useDevices } from '../hooks';
import { useTexts } from '../i18n';
import { blurOf } from '../media/blur';
import type { LocalMedia } from '../media/local-media';

/** Only where the camera's own pipeline can blur: see docs/devices.md. */
export function BlurToggle({ media }: { media: LocalMedia }) {
  const t = useTexts();
  const { track } = useDevices(media).camera;
  switch (blurOf(track)) {
    case 'none':
      return null;
    case 'fixed':
      return <p class="hint">{t.blurFixed}</p>;
    case 'choice':
      return (
        <label class="check">
          <input
            type="checkbox"
            data-testid="blur-toggle"
            checked={media.blurred}
            onChange={(event) => media.blur(event.currentTarget.checked)}
          />
          <span>{t.blur}</span>
        </label>
      );
  }
}
