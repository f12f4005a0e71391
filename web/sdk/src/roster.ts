import type { ParticipantId, Person } from './protocol';

/** Everybody in the room, this client included, by participant id, in order of arrival. */
export type Roster = ReadonlyMap<ParticipantId, Person>;

export interface RosterDelta {
  readonly joined: readonly Person[];
  readonly left: readonly ParticipantId[];
  readonly changed: readonly Person[];
}

export function rosterOf(people: readonly Person[]): Roster {
  return new Map(people.map((person) => [person.participant, person]));
}

/**
 * The roster after `delta`. Total: a `changed` person who is not known is one whose `joined` was
 * overtaken, and is added; leaving twice is no error. Somebody both left and joined in one delta
 * came back: they stay.
 */
export function applyDelta(roster: Roster, delta: RosterDelta): Roster {
  const next = new Map(roster);
  for (const participant of delta.left) next.delete(participant);
  for (const person of delta.joined) next.set(person.participant, person);
  for (const person of delta.changed) next.set(person.participant, person);
  return next;
}

/** What lies between two whole rosters, as after a resume. */
export function difference(before: Roster, after: Roster): RosterDelta {
  const joined = [...after.values()].filter((person) => !before.has(person.participant));
  const left = [...before.keys()].filter((participant) => !after.has(participant));
  const changed = [...after.values()].filter((person) => {
    const former = before.get(person.participant);
    return former !== undefined && !samePerson(former, person);
  });
  return { joined, left, changed };
}

function samePerson(a: Person, b: Person): boolean {
  return (
    a.name === b.name &&
    a.role === b.role &&
    a.present === b.present &&
    a.line === b.line &&
    a.publishing.microphone === b.publishing.microphone &&
    a.publishing.camera === b.publishing.camera &&
    a.publishing.screen === b.publishing.screen
  );
}
