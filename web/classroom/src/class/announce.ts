import type { Roster, RosterDelta } from '@firstbell/sdk';

import type { Dictionary } from '../i18n';

/** More names than this are counted, not read out. */
const MAX_NAMES = 3;

/** Who came, went and started to share, in words. `before` is the roster before `delta`. */
export function announcements(
  t: Dictionary,
  before: Roster,
  delta: RosterDelta,
  own: string | undefined,
): readonly string[] {
  const others = delta.joined.filter(
    ({ participant }) => participant !== own && !before.has(participant),
  );
  // Somebody both left and joined in one delta came back: they stay.
  const back = new Set(delta.joined.map(({ participant }) => participant));
  const left = delta.left
    .filter((participant) => !back.has(participant))
    .flatMap((participant) => before.get(participant)?.name ?? []);
  const changed = delta.changed.filter(({ participant }) => participant !== own);
  const started = changed.filter(
    ({ participant, publishing }) =>
      publishing.screen && before.get(participant)?.publishing.screen === false,
  );
  const stopped = changed.filter(
    ({ participant, publishing }) =>
      !publishing.screen && before.get(participant)?.publishing.screen === true,
  );
  return [
    ...(others.length > 0 ? [t.saidJoined(list(t, others.map(({ name }) => name)))] : []),
    ...(left.length > 0 ? [t.saidLeft(list(t, left))] : []),
    ...started.map(({ name }) => t.saidSharing(name)),
    ...stopped.map(({ name }) => t.saidStoppedSharing(name)),
  ];
}

function list(t: Dictionary, names: readonly string[]): string {
  const read = names.slice(0, MAX_NAMES).join(', ');
  return names.length > MAX_NAMES ? t.andMore(read, names.length - MAX_NAMES) : read;
}
