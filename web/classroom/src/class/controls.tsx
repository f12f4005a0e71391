import type { Quality } from '@firstbell/sdk';

import { useTexts } from '../i18n';
import type { Device, DeviceKind } from '../media/local-media';
import { canShareScreen } from '../media/screen-share';
import { Icon } from '../parts/icons';
import { Toggle } from '../parts/toggle';
import { QualityButton } from './quality';
import type { Actions } from './shortcuts';
import { KEYS } from './shortcuts';

interface ControlsProps {
  readonly devices: Readonly<Record<DeviceKind, Device>>;
  readonly sharing: boolean;
  readonly people: number;
  readonly rosterOpen: boolean;
  readonly settingsOpen: boolean;
  readonly quality: Quality | null;
  readonly actions: Actions;
  readonly onLeave: () => void;
}

/** The bar below the class. */
export function Controls(props: ControlsProps) {
  const t = useTexts();
  const { devices, sharing, rosterOpen, actions } = props;
  const { microphone, camera } = devices;
  const live = ({ on, track }: Device): boolean => on && track !== null;
  return (
    <footer class="controls" aria-label={t.controls}>
      <div class="controls-main">
        <Toggle
          testId="microphone-button"
          icon={microphone.on ? 'microphone' : 'microphoneOff'}
          label={t.microphone}
          hint={microphone.on ? t.muteMicrophone : t.unmuteMicrophone}
          pressed={live(microphone)}
          shortcut={KEYS.microphone}
          tone="device"
          onPress={actions.microphone}
        />
        <Toggle
          testId="camera-button"
          icon={camera.on ? 'camera' : 'cameraOff'}
          label={t.camera}
          hint={camera.on ? t.stopCamera : t.startCamera}
          pressed={live(camera)}
          shortcut={KEYS.camera}
          tone="device"
          onPress={actions.camera}
        />
        {canShareScreen() && (
          <Toggle
            testId="screen-button"
            icon="screen"
            label={t.screen}
            hint={sharing ? t.stopScreen : t.shareScreen}
            pressed={sharing}
            shortcut={KEYS.screen}
            tone="share"
            onPress={actions.screen}
          />
        )}
      </div>
      <div class="controls-side">
        <button
          type="button"
          class="control control-plain"
          data-testid="roster-button"
          aria-expanded={rosterOpen}
          aria-controls="roster"
          aria-keyshortcuts={KEYS.people}
          title={`${rosterOpen ? t.hidePeople : t.showPeople} (${KEYS.people})`}
          onClick={actions.people}
        >
          <span class="control-icon">
            <Icon name="people" />
            <span class="control-badge" aria-hidden="true">
              {props.people}
            </span>
          </span>
          <span class="control-label">{t.people}</span>
        </button>
        <button
          type="button"
          class="control control-plain"
          data-testid="settings-button"
          aria-haspopup="dialog"
          aria-expanded={props.settingsOpen}
          title={`${t.settings} (${KEYS.settings})`}
          onClick={actions.settings}
        >
          <span class="control-icon">
            <Icon name="settings" />
          </span>
          <span class="control-label">{t.settings}</span>
        </button>
        {props.quality !== null && (
          <QualityButton quality={props.quality} onPress={actions.settings} />
        )}
      </div>
      <button
        type="button"
        class="control control-leave"
        data-testid="leave-button"
        onClick={props.onLeave}
      >
        <span class="control-icon">
          <Icon name="leave" />
        </span>
        <span class="control-label">{t.leave}</span>
      </button>
    </footer>
  );
}
