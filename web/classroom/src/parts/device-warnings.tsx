import { useDevices } from '../hooks';
import { useTexts } from '../i18n';
import type { DeviceKind, LocalMedia } from '../media/local-media';
import { problemText, reasonOf } from '../media/problems';
import { Icon } from './icons';

const KINDS: readonly DeviceKind[] = ['microphone', 'camera'];

interface DeviceWarningsProps {
  readonly media: LocalMedia;
  /** In class they stand in the way of the pictures once read. */
  readonly dismissable?: boolean;
}

/** Says in plain words what is wrong with the camera and the microphone, and what to do. */
export function DeviceWarnings({ media, dismissable = false }: DeviceWarningsProps) {
  const t = useTexts();
  const devices = useDevices(media);
  return (
    <div class="notices" role="status">
      {KINDS.map((kind) => {
        const { problem } = devices[kind];
        if (problem === null) return null;
        return (
          <p
            key={kind}
            class="notice"
            data-testid="device-warning"
            data-kind={kind}
            data-reason={reasonOf(problem)}
          >
            <Icon name={kind === 'camera' ? 'cameraOff' : 'microphoneOff'} size={20} />
            <span>{problemText(t, kind, problem)}</span>
            {dismissable && (
              <button
                class="icon-button"
                aria-label={t.close}
                onClick={() => media.dismiss(kind)}
              >
                <Icon name="close" size={18} />
              </button>
            )}
          </p>
        );
      })}
    </div>
  );
}
