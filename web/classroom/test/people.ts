import type { Person, Roster, Slot } from '@firstbell/sdk';

export function person(participant: string, differs: Partial<Person> = {}): Person {
  return {
    participant,
    name: participant,
    role: 'pupil',
    publishing: { microphone: true, camera: true, screen: false },
    present: true,
    line: 'good',
    ...differs,
  };
}

export function rosterOf(...people: readonly Person[]): Roster {
  return new Map(people.map((one) => [one.participant, one]));
}

export function slot(mid: string, shows: Slot['shows']): Slot {
  return { mid, kind: 'video', shows, stream: {} as MediaStream };
}
