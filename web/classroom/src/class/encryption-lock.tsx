import type { Encryption, Session } from '@firstbell/sdk';
import { useEffect, useRef, useState } from 'preact/hooks';

import { roomPath } from '../address';
import { useTexts } from '../i18n';
import { Icon } from '../parts/icons';

/** Names listed before "and others" would begin; a whole class is not listed. */
const MOST_NAMES = 3;

interface EncryptionLockProps {
  readonly session: Session;
  readonly room: string;
}

/** The lock in the class's header: what it means, the link that carries the key, and who has none. */
export function EncryptionLock({ session, room }: EncryptionLockProps) {
  const t = useTexts();
  const { encryption } = session;
  const dialog = useRef<HTMLDialogElement>(null);
  const { illegible, failed } = useTroubles(encryption);
  if (encryption === undefined) return null;
  const names = [...illegible].flatMap((participant) => session.roster.get(participant)?.name ?? []);
  const first = names.slice(0, MOST_NAMES).join(', ');
  const listed = names.length > MOST_NAMES ? t.andMore(first, names.length - MOST_NAMES) : first;
  const trouble = failed ? t.encryption.failed : names.length > 0 ? t.encryption.illegible(listed) : null;
  return (
    <>
      <button
        type="button"
        class="lock"
        data-testid="encryption-lock"
        data-state={trouble === null ? 'on' : 'trouble'}
        aria-haspopup="dialog"
        title={t.encryption.onHint}
        onClick={() => dialog.current?.showModal()}
      >
        <Icon name={trouble === null ? 'lock' : 'warning'} size={16} />
        <span>{t.encryption.on}</span>
      </button>
      <span class="lock-trouble" role="status" data-testid="encryption-trouble">
        {trouble}
      </span>
      <dialog
        ref={dialog}
        class="dialog"
        aria-labelledby="encryption-title"
        data-testid="encryption-dialog"
        onClick={(event) => {
          if (event.target === event.currentTarget) event.currentTarget.close();
        }}
      >
        <div class="dialog-body">
          <div class="dialog-head">
            <h2 id="encryption-title">{t.encryption.title}</h2>
            <button class="icon-button" aria-label={t.close} onClick={() => dialog.current?.close()}>
              <Icon name="close" size={20} />
            </button>
          </div>
          <div class="dialog-fields">
            {t.encryption.meaning.map((sentence) => (
              <p key={sentence}>{sentence}</p>
            ))}
            <CopyLink encryption={encryption} room={room} />
          </div>
        </div>
      </dialog>
    </>
  );
}

function CopyLink({ encryption, room }: { encryption: Encryption; room: string }) {
  const t = useTexts().encryption;
  const [copied, setCopied] = useState(false);
  // Without the person's own token: that one is nobody else's.
  const link = new URL(roomPath(room, { key: encryption.key }), location.origin).href;
  return (
    <>
      <p>{t.passOn}</p>
      <button
        class="button"
        data-testid="copy-key-link"
        onClick={() => {
          navigator.clipboard?.writeText(link).then(
            () => setCopied(true),
            () => undefined,
          );
        }}
      >
        {t.copyLink}
      </button>
      <span role="status">{copied && t.copied}</span>
    </>
  );
}

function useTroubles(encryption: Encryption | undefined) {
  const [illegible, setIllegible] = useState(encryption?.illegible ?? new Set<string>());
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    if (encryption === undefined) return undefined;
    const stops = [
      encryption.on('illegible', (people) => setIllegible(people)),
      encryption.on('failed', () => setFailed(true)),
    ];
    return () => stops.forEach((stop) => stop());
  }, [encryption]);
  return { illegible, failed };
}
