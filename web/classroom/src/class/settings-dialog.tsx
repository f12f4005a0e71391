import type { Quality } from '@firstbell/sdk';
import { useEffect, useRef } from 'preact/hooks';

import type { DataUseChoice } from '../hooks';
import { useTexts } from '../i18n';
import { DATA_USES, type DataUse } from '../media/data-use';
import type { LocalMedia } from '../media/local-media';
import { DeviceSelect } from '../parts/device-select';
import { Icon } from '../parts/icons';
import { LanguageSelect } from '../parts/language-select';
import { QualitySummary } from './quality';
import { KEYS, type Shortcuts } from './shortcuts';

interface SettingsDialogProps {
  readonly open: boolean;
  readonly media: LocalMedia;
  readonly shortcuts: Shortcuts;
  readonly quality: Quality | null;
  readonly dataUse: DataUseChoice;
  readonly onClose: () => void;
}

/** Devices, language, the connection and the list of keys, during the class. */
export function SettingsDialog(props: SettingsDialogProps) {
  const t = useTexts();
  const { open, media, shortcuts, quality, dataUse, onClose } = props;
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (open && ref.current?.open === false) ref.current.showModal();
    if (!open) ref.current?.close();
  }, [open]);
  return (
    <dialog
      ref={ref}
      class="dialog"
      aria-labelledby="settings-title"
      data-testid="settings"
      onClose={onClose}
      onClick={(event) => {
        if (event.target === event.currentTarget) onClose();
      }}
    >
      {open && (
        <div class="dialog-body">
          <header>
            <h2 id="settings-title">{t.settings}</h2>
            <button class="icon-button" aria-label={t.close} onClick={onClose}>
              <Icon name="close" size={20} />
            </button>
          </header>
          <div class="dialog-fields">
            <DeviceSelect media={media} kind="microphone" />
            <DeviceSelect media={media} kind="camera" />
            <LanguageSelect />
          </div>
          <h3>{t.connection}</h3>
          <div class="dialog-fields">
            {quality !== null && <QualitySummary quality={quality} />}
            <DataUseSelect choice={dataUse} />
          </div>
          <h3>{t.shortcuts}</h3>
          <dl class="keys">
            {(
              [
                [KEYS.microphone, t.keyMicrophone],
                [KEYS.camera, t.keyCamera],
                [KEYS.screen, t.keyScreen],
                [KEYS.people, t.keyPeople],
                [KEYS.settings, t.keyHelp],
              ] as const
            ).map(([key, text]) => (
              <div key={key}>
                <dt>
                  <kbd>{key}</kbd>
                </dt>
                <dd>{text}</dd>
              </div>
            ))}
          </dl>
          <label class="check">
            <input
              type="checkbox"
              checked={shortcuts.enabled}
              onChange={(event) => shortcuts.enable(event.currentTarget.checked)}
            />
            <span>{t.shortcutsEnabled}</span>
          </label>
        </div>
      )}
    </dialog>
  );
}

function DataUseSelect({ choice }: { choice: DataUseChoice }) {
  const t = useTexts();
  return (
    <label class="field">
      <span>{t.dataUse}</span>
      <select
        data-testid="data-use-select"
        value={choice.use}
        onChange={(event) => choice.choose(event.currentTarget.value as DataUse)}
      >
        {DATA_USES.map((use) => (
          <option key={use} value={use}>
            {t.dataUses[use]}
          </option>
        ))}
      </select>
    </label>
  );
}
