import type { Person, Role } from '@firstbell/sdk';
import { useLayoutEffect, useRef } from 'preact/hooks';

import type { ClassView } from '../hooks';
import { useTexts, type Dictionary } from '../i18n';
import { Avatar } from '../parts/avatar';
import { Icon } from '../parts/icons';
import { QualityMark } from './quality';

interface RosterPanelProps {
  readonly open: boolean;
  readonly view: ClassView;
  readonly own: string | undefined;
  readonly onClose: () => void;
}

/** Everybody in the room: teachers first, then in order of arrival. */
export function RosterPanel({ open, view, own, onClose }: RosterPanelProps) {
  const t = useTexts();
  const close = useRef<HTMLButtonElement>(null);
  // Before the page is drawn: no key goes to where the focus was.
  useLayoutEffect(() => {
    if (!open) return undefined;
    const before = document.activeElement;
    const button = close.current;
    button?.focus({ preventScroll: true });
    return () => {
      // Back to where it came from, unless it has moved on by itself.
      const now = document.activeElement;
      const isLost = now === document.body || button?.closest('aside')?.contains(now) === true;
      if (isLost && before instanceof HTMLElement) before.focus({ preventScroll: true });
    };
  }, [open]);
  const people = [...view.roster.values()];
  const leading = people.filter(({ role }) => leads(role));
  const others = people.filter(({ role }) => !leads(role));
  return (
    <aside
      id="roster"
      class="roster"
      data-testid="roster"
      aria-label={t.people}
      hidden={!open}
      onKeyDown={(event) => {
        if (event.key === 'Escape') onClose();
      }}
    >
      <header>
        <h2>
          {t.people} <span class="roster-count">{people.length}</span>
        </h2>
        <button ref={close} class="icon-button" aria-label={t.hidePeople} onClick={onClose}>
          <Icon name="close" size={20} />
        </button>
      </header>
      <ul>
        {[...leading, ...others].map((person) => (
          <RosterItem
            key={person.participant}
            person={person}
            own={person.participant === own}
            speaking={view.speakers.has(person.participant)}
          />
        ))}
      </ul>
    </aside>
  );
}

function RosterItem(props: { person: Person; own: boolean; speaking: boolean }) {
  const t = useTexts();
  const { person, own, speaking } = props;
  const { participant, name, role, publishing, present, line } = person;
  return (
    <li
      class="roster-item"
      data-testid="roster-item"
      data-participant={participant}
      data-present={present}
      data-speaking={speaking}
      data-line={line}
    >
      <Avatar participant={participant} name={name} />
      <span class="roster-who">
        <span class="roster-name">
          {name} {own && <span class="roster-you">{t.youSuffix}</span>}
        </span>
        <span class="roster-role">{present ? roleName(t, role) : t.absent}</span>
      </span>
      <span class="roster-states">
        {present && <QualityMark level={line} />}
        {speaking && <State icon="sound" text={t.speaking} tone="speaking" />}
        {publishing.screen && <State icon="screen" text={t.sharing} tone="on" />}
        <State
          icon={publishing.camera ? 'camera' : 'cameraOff'}
          text={publishing.camera ? t.cameraOn : t.cameraOff}
          tone={publishing.camera ? 'on' : 'off'}
        />
        <State
          icon={publishing.microphone ? 'microphone' : 'microphoneOff'}
          text={publishing.microphone ? t.microphoneOn : t.microphoneOff}
          tone={publishing.microphone ? 'on' : 'off'}
        />
      </span>
    </li>
  );
}

function State(props: {
  icon: 'sound' | 'screen' | 'camera' | 'cameraOff' | 'microphone' | 'microphoneOff';
  text: string;
  tone: 'on' | 'off' | 'speaking';
}) {
  return (
    <span class={`state state-${props.tone}`} title={props.text}>
      <Icon name={props.icon} size={18} />
      <span class="visually-hidden">{props.text}</span>
    </span>
  );
}

function leads(role: Role): boolean {
  return role === 'teacher' || role === 'co_teacher';
}

function roleName(t: Dictionary, role: Role): string {
  switch (role) {
    case 'teacher':
      return t.roleTeacher;
    case 'co_teacher':
      return t.roleCoTeacher;
    case 'pupil':
      return t.rolePupil;
    case 'guest':
      return t.roleGuest;
  }
}
