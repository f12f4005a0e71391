import type { ParticipantId, Person, Roster, Slot } from '@firstbell/sdk';

/** A picture in the class: somebody's camera (or name) or screen. */
export interface Tile {
  readonly key: string;
  readonly person: Person;
  readonly source: 'camera' | 'screen';
  /** Where the picture comes from; `null`: nothing to see, the name is shown. */
  readonly slot: Slot | null;
}

export function tileKey(participant: ParticipantId, source: 'camera' | 'screen'): string {
  return `${source}:${participant}`;
}

/** Shared screens that have a slot, in order of slots. */
export function screenTiles(roster: Roster, slots: readonly Slot[]): readonly Tile[] {
  return slots.flatMap((slot) => {
    if (slot.shows?.source !== 'screen') return [];
    const person = roster.get(slot.shows.participant);
    if (person === undefined || !person.publishing.screen) return [];
    return [screenTile(person, slot)];
  });
}

/** The same while no pictures come: what there would be to see keeps its place. */
export function darkScreenTiles(others: readonly Person[]): readonly Tile[] {
  return others.filter(({ publishing }) => publishing.screen).map((person) => screenTile(person, null));
}

function screenTile(person: Person, slot: Slot | null): Tile {
  return { key: tileKey(person.participant, 'screen'), person, source: 'screen', slot };
}

/** The camera tiles of `people`, with their slots as far as they have one and send. */
export function cameraTiles(
  people: readonly ParticipantId[],
  roster: Roster,
  slots: readonly Slot[],
): readonly Tile[] {
  const slotOf = new Map<ParticipantId, Slot>();
  for (const slot of slots) {
    if (slot.shows?.source === 'camera') slotOf.set(slot.shows.participant, slot);
  }
  return people.flatMap((participant) => {
    const person = roster.get(participant);
    if (person === undefined) return [];
    const slot = person.publishing.camera ? (slotOf.get(participant) ?? null) : null;
    return [{ key: tileKey(participant, 'camera'), person, source: 'camera' as const, slot }];
  });
}

export interface Arrangement {
  /** Everybody else in the room, in order of arrival. */
  readonly others: readonly Person[];
  /** Who is seen: their camera fills a slot. */
  readonly seen: ReadonlySet<ParticipantId>;
  readonly speakers: ReadonlySet<ParticipantId>;
  readonly pinned: ParticipantId | undefined;
  readonly capacity: number;
}

/**
 * Who has a tile, in which order. Nobody moves because of what others do: whoever has a place keeps
 * it, newcomers come after, and when places are short the more important take the place of the
 * least important, where it stands.
 */
export function arrange(
  before: readonly ParticipantId[],
  arrangement: Arrangement,
): readonly ParticipantId[] {
  const { others, capacity } = arrangement;
  const rank = ranking(arrangement, before);
  const wanted = [...others]
    .sort((a, b) => rank(b) - rank(a))
    .slice(0, capacity)
    .map(({ participant }) => participant);
  const wantedSet = new Set(wanted);
  const here = new Set(others.map(({ participant }) => participant));
  const newcomers = others
    .map(({ participant }) => participant)
    .filter((participant) => wantedSet.has(participant) && !before.includes(participant));
  const placed = before
    .filter((participant) => here.has(participant))
    .map((participant) => (wantedSet.has(participant) ? participant : newcomers.shift()))
    .filter((participant) => participant !== undefined);
  return [...placed, ...newcomers];
}

/** Pinned, then seen, then teachers, then speakers; what has a tile beats what has none. */
function ranking(
  { seen, speakers, pinned }: Arrangement,
  before: readonly ParticipantId[],
): (person: Person) => number {
  const placed = new Set(before);
  return ({ participant, role }) =>
    (participant === pinned ? 16 : 0) +
    (seen.has(participant) ? 8 : 0) +
    (role === 'teacher' || role === 'co_teacher' ? 4 : 0) +
    (speakers.has(participant) ? 2 : 0) +
    (placed.has(participant) ? 1 : 0);
}
