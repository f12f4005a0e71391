import type { SlotLine, SlotMapping, SlotTrack, TrackKind } from './protocol';

/** One receiving m-line of this connection and what it shows now. */
export interface SlotState {
  readonly mid: string;
  readonly kind: TrackKind;
  /** `null`: empty. */
  readonly shows: SlotTrack | null;
}

export type SlotTable = readonly SlotState[];

/** The table of a fresh join, in the order of the offer's m-lines. */
export function slotTable(lines: readonly SlotLine[], mapping: readonly SlotMapping[]): SlotTable {
  const empty = lines.map(({ mid, kind }) => ({ mid, kind, shows: null }));
  return applyMapping(empty, mapping);
}

/**
 * The table after a whole mapping. A slot the mapping does not name is empty; a mapping for a slot
 * that was never negotiated is ignored. Slots that did not change keep their identity.
 */
export function applyMapping(table: SlotTable, mapping: readonly SlotMapping[]): SlotTable {
  const shows = new Map(mapping.map((entry) => [entry.mid, entry.shows]));
  return table.map((slot) => {
    const next = shows.get(slot.mid) ?? null;
    return sameTrack(slot.shows, next) ? slot : { ...slot, shows: next };
  });
}

export function sameTrack(a: SlotTrack | null, b: SlotTrack | null): boolean {
  return a?.participant === b?.participant && a?.source === b?.source;
}
