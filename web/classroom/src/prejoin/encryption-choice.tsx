import { encryptionSupport, keyFromPassphrase, newKey, parseKey } from '@firstbell/sdk';

import type { Address } from '../address';
import { useTexts } from '../i18n';
import { Icon } from '../parts/icons';

/** What the person wants, where the link says nothing. */
export interface EncryptionWish {
  readonly on: boolean;
  /** Empty: a new key. */
  readonly passphrase: string;
}

export const NO_WISH: EncryptionWish = { on: false, passphrase: '' };

/** What stands in the way of encrypting as the link says. */
export function keyTrouble({ key }: Address): 'broken' | 'unsupported' | undefined {
  if (key === undefined) return undefined;
  if (parseKey(key) === undefined) return 'broken';
  return encryptionSupport() === 'none' ? 'unsupported' : undefined;
}

/** The key to join `room` with; `undefined`: not encrypted. */
export async function keyFor(
  { key }: Address,
  wish: EncryptionWish,
  room: string,
): Promise<string | undefined> {
  if (key !== undefined || !wish.on) return key;
  return wish.passphrase.trim() === '' ? newKey() : keyFromPassphrase(wish.passphrase, room);
}

interface EncryptionChoiceProps {
  readonly address: Address;
  readonly wish: EncryptionWish;
  readonly onWish: (wish: EncryptionWish) => void;
}

/** Whether the class will be encrypted end to end: the link says it, or the person may choose. */
export function EncryptionChoice({ address, wish, onWish }: EncryptionChoiceProps) {
  const t = useTexts().encryption;
  if (address.key !== undefined) {
    const trouble = keyTrouble(address);
    return (
      <p
        class={trouble === undefined ? 'notice notice-share' : 'notice notice-danger'}
        role={trouble === undefined ? undefined : 'alert'}
        data-testid="encryption"
        data-state={trouble ?? 'on'}
      >
        <Icon name={trouble === undefined ? 'lock' : 'warning'} size={20} />
        <span>{trouble === undefined ? t.inLink : trouble === 'broken' ? t.brokenKey : t.unsupported}</span>
      </p>
    );
  }
  if (encryptionSupport() === 'none') return null;
  return (
    <fieldset class="encryption" data-testid="encryption" data-state={wish.on ? 'on' : 'off'}>
      <legend class="visually-hidden">{t.title}</legend>
      <label class="check">
        <input
          type="checkbox"
          data-testid="encryption-toggle"
          aria-describedby="encryption-hint"
          checked={wish.on}
          onChange={(event) => onWish({ ...wish, on: event.currentTarget.checked })}
        />
        <span>{t.choose}</span>
      </label>
      <p id="encryption-hint" class="hint">
        {t.chooseHint}
      </p>
      {wish.on && (
        <label class="field">
          <span>{t.passphrase}</span>
          <input
            data-testid="passphrase-input"
            aria-describedby="passphrase-hint"
            value={wish.passphrase}
            onInput={(event) => onWish({ ...wish, passphrase: event.currentTarget.value })}
            maxLength={200}
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
          />
          <small id="passphrase-hint" class="hint">
            {t.passphraseHint}
          </small>
        </label>
      )}
    </fieldset>
  );
}
