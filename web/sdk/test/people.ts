import type { Person } from '../src/protocol';

export function person(participant: string, differs: Partial<Person> = {}): Person {
  return {
    participant,
    name: `Name of ${participant}`,
    role: 'pupil',
    publishing: { microphone: true, camera: true, screen: false },
    present: true,
    line: 'good',
    ...differs,
  };
}
