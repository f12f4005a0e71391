import { useEffect, useRef } from 'preact/hooks';

import { useTexts } from '../i18n';
import type { LocalMedia } from '../media/local-media';
import { DeviceSelect } from '../parts/device-select';
import { Icon } from '../parts/icons';
import { LanguageSelect } from '../parts/language-select';
import { KEYS, type Shortcuts } from './shortcuts';

interface SettingsDialogProps {
  readonly open: boolean;
  readonly media: LocalMedia;
  readonly shortcuts: Shortcuts;
  readonly onClose: () => void;
}

/** Devices, language and the list of keys, during the class. */
export function SettingsDialog({ open, media, shortcuts, onClose }: SettingsDialogProps) {
  const t = useTexts();
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
