import type { Role } from '@firstbell/sdk';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

import { fetchDevToken, type DevPlace } from '../api';
import { peekToken, type Address } from '../address';
import { useTexts } from '../i18n';
import type { LocalMedia } from '../media/local-media';
import { Icon } from '../parts/icons';
import { PageFrame } from '../parts/page-frame';
import type { Place } from '../place';
import { EncryptionChoice, keyFor, keyTrouble, NO_WISH } from './encryption-choice';
import { Preview } from './preview';

interface PrejoinProps {
  readonly media: LocalMedia;
  readonly address: Address;
  readonly dev: boolean;
  /** What the form was filled with last in this tab. */
  readonly last: DevPlace | undefined;
  readonly onJoin: (place: Place) => void;
}

/** Before the class: who, where, and with which devices. */
export function Prejoin({ media, address, dev, last, onJoin }: PrejoinProps) {
  const t = useTexts();
  const { token } = address;
  const [wish, setWish] = useState(NO_WISH);
  const join = async (place: Place): Promise<void> => {
    const key = await keyFor(address, wish, place.room);
    onJoin(key === undefined ? place : { ...place, key });
  };
  if (token === undefined && !dev) {
    return (
      <PageFrame testId="prejoin">
        <main class="message">
          <Icon name="door" size={44} />
          <h1>{t.needLink}</h1>
          <p>{t.needLinkHint}</p>
        </main>
      </PageFrame>
    );
  }
  const encryption = <EncryptionChoice address={address} wish={wish} onWish={setWish} />;
  const blocked = keyTrouble(address) !== undefined;
  return (
    <PageFrame testId="prejoin">
      {dev && (
        <aside class="dev-banner" data-testid="dev-banner" aria-label={t.devMode}>
          <Icon name="warning" size={18} />
          <span>
            <strong>{t.devMode}.</strong> {t.devModeHint}
          </span>
        </aside>
      )}
      <main class="prejoin">
        <Preview media={media} />
        <section class="prejoin-side">
          <h1>{t.joinTitle}</h1>
          {token === undefined ? (
            <DevForm room={address.room} last={last} blocked={blocked} onJoin={join}>
              {encryption}
            </DevForm>
          ) : (
            <LinkForm room={address.room} token={token} blocked={blocked} onJoin={join}>
              {encryption}
            </LinkForm>
          )}
        </section>
      </main>
    </PageFrame>
  );
}

interface FormProps {
  readonly room: string | undefined;
  /** Joining would not do what the link says. */
  readonly blocked: boolean;
  readonly onJoin: (place: Place) => Promise<void>;
  /** Above the button. */
  readonly children: ComponentChildren;
}

/** The token of the address says who and where: nothing is left to type. */
function LinkForm(props: FormProps & { token: string }) {
  const t = useTexts();
  const [busy, setBusy] = useState(false);
  const { name, room: tokenRoom } = peekToken(props.token);
  const room = props.room ?? tokenRoom ?? '';
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (busy) return;
        setBusy(true);
        void props.onJoin({ room, token: props.token });
      }}
    >
      <p class="joining-as">
        {name !== undefined && <strong>{t.joiningAs(name)}</strong>}
        <span>{t.joiningRoom(room)}</span>
      </p>
      {props.children}
      {!props.blocked && <JoinButton busy={busy} />}
    </form>
  );
}

const ROLES: readonly Role[] = ['teacher', 'pupil'];

function DevForm(props: FormProps & { last: DevPlace | undefined }) {
  const t = useTexts();
  const { last } = props;
  const [name, setName] = useState(last?.name ?? '');
  const [room, setRoom] = useState(props.room ?? last?.room ?? '');
  const [role, setRole] = useState<Role>(last?.role ?? 'pupil');
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState(false);
  const nameInput = useRef<HTMLInputElement>(null);
  useEffect(() => nameInput.current?.focus({ preventScroll: true }), []);

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setFailed(false);
    const place = { name: name.trim(), room: room.trim(), role };
    try {
      const token = await fetchDevToken(place);
      await props.onJoin({ room: place.room, token, dev: place });
    } catch {
      setFailed(true);
      setBusy(false);
    }
  };

  return (
    <form onSubmit={(event) => void submit(event)}>
      <label class="field">
        <span>{t.yourName}</span>
        <input
          ref={nameInput}
          data-testid="name-input"
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
          required
          pattern=".*\S.*"
          maxLength={64}
          autocomplete="name"
          spellcheck={false}
        />
      </label>
      <label class="field">
        <span>{t.roomName}</span>
        <input
          data-testid="room-input"
          value={room}
          onInput={(event) => setRoom(event.currentTarget.value)}
          required
          pattern=".*\S.*"
          maxLength={60}
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          placeholder={t.roomExample}
        />
      </label>
      <label class="field">
        <span>{t.role}</span>
        <select
          data-testid="role-select"
          value={role}
          onChange={(event) => setRole(event.currentTarget.value as Role)}
        >
          {ROLES.map((value) => (
            <option key={value} value={value}>
              {value === 'teacher' ? t.roleTeacher : t.rolePupil}
            </option>
          ))}
        </select>
      </label>
      {failed && (
        <p class="notice notice-danger" role="alert">
          <Icon name="warning" size={20} />
          <span>{t.devTokenFailed}</span>
        </p>
      )}
      {props.children}
      {!props.blocked && <JoinButton busy={busy} />}
    </form>
  );
}

function JoinButton({ busy }: { busy: boolean }) {
  const t = useTexts();
  return (
    <button class="button button-primary button-large" data-testid="join-button" aria-busy={busy}>
      {busy ? t.connecting : t.join}
    </button>
  );
}
