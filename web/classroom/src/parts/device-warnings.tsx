import { useDevices } from '../hooks';
import { useTexts, type Dictionary } from '../i18n';
import type { Device, DeviceKind, LocalMedia } from '../media/local-media';
import type { DeviceNotice } from '../media/loss';
import { noticeText, problemText, reasonOf } from '../media/problems';
import { Icon, type IconName } from './icons';
import { PermissionHelp } from './permission-help';

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
        const { problem, notice } = devices[kind];
        if (problem === null && notice === null) return null;
        return (
          <div
            key={kind}
            class="notice"
            data-testid={notice === null ? 'device-warning' : 'device-notice'}
            data-kind={kind}
            data-reason={notice?.name ?? (problem === null ? undefined : reasonOf(problem))}
          >
            <Icon name={iconOf(kind, notice)} size={20} />
            <div>
              {textOf(t, kind, devices[kind])}
              {problem === 'denied' && <PermissionHelp />}
            </div>
            {dismissable && (
              <button
                class="icon-button"
                aria-label={t.close}
                onClick={() => media.dismiss(kind)}
              >
                <Icon name="close" size={18} />
              </button>
            )}
          </div>
        );
      })}
    </div>
  );
}

/** That something was unplugged says more than that nothing is there. */
function textOf(t: Dictionary, kind: DeviceKind, { notice, problem }: Device): string {
  if (notice !== null) return noticeText(t, kind, notice);
  return problem === null ? '' : problemText(t, kind, problem);
}

function iconOf(kind: DeviceKind, notice: DeviceNotice | null): IconName {
  if (notice?.name === 'switched') return kind;
  return kind === 'camera' ? 'cameraOff' : 'microphoneOff';
}
