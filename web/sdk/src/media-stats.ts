/**
 * What a connection counts, and what lies between two looks at it. Pure: the browser's report goes
 * in as a list. Only members of the W3C statistics are read, and what a browser does not have is
 * `null` or left out, never zero.
 */

/** One received stream, counted from its start. */
interface Inbound {
  readonly audio: boolean;
  readonly received: number;
  readonly lost: number;
  readonly samples: number;
  /** Samples that had to be invented while there was something to hear. */
  readonly concealed: number;
  readonly framesDecoded: number;
  readonly frozenSeconds: number;
}

/** One sent stream, with what the other end says of it. */
interface Outbound {
  readonly sent: number;
  readonly lost: number;
}

export interface Counters {
  /** Milliseconds of any clock that does not go back. */
  readonly at: number;
  readonly inbound: ReadonlyMap<string, Inbound>;
  readonly outbound: ReadonlyMap<string, Outbound>;
  readonly roundTripMs: number | null;
  readonly outgoingKbps: number | null;
}

/** A connection between two looks. Shares are from 0 to 1; `null`: too little came to say. */
export interface Measurement {
  readonly downlinkLoss: number | null;
  readonly uplinkLoss: number | null;
  /** The part of the sound that was invented. */
  readonly concealed: number | null;
  /** The part of the time in which a picture stood still that should not. */
  readonly frozen: number | null;
  readonly roundTripMs: number | null;
  /** What the browser thinks it can send. */
  readonly outgoingKbps: number | null;
}

/** Fewer packets than this say nothing about loss: one is a large part of them. */
const FEWEST_PACKETS = 40;

/** An entry of a statistics report; members differ by type. */
type Entry = Readonly<Record<string, unknown>> & { readonly id: string; readonly type: string };

export function countersOf(report: Iterable<unknown>, at: number): Counters {
  const entries = [...report].filter(isEntry);
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  const pair = selectedPair(entries, byId);
  return {
    at,
    inbound: new Map(
      entries.filter(({ type }) => type === 'inbound-rtp').map((entry) => [entry.id, inbound(entry)]),
    ),
    outbound: new Map(
      entries
        .filter(({ type }) => type === 'remote-inbound-rtp')
        .flatMap((entry) => {
          const local = byId.get(text(entry, 'localId') ?? '');
          if (local === undefined) return [];
          const [sent, lost] = [count(local, 'packetsSent'), count(entry, 'packetsLost')];
          return [[entry.id, { sent, lost }] as const];
        }),
    ),
    roundTripMs: scaled(pair, 'currentRoundTripTime', 1_000),
    outgoingKbps: scaled(pair, 'availableOutgoingBitrate', 1 / 1_000),
  };
}

export function between(before: Counters, after: Counters): Measurement {
  const seconds = (after.at - before.at) / 1_000;
  // Streams that began or ended in between are left out; so are those on which nothing came.
  const inbound = differences(before.inbound, after.inbound).filter(({ received }) => received > 0);
  const outbound = differences(before.outbound, after.outbound);
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  const audio = inbound.filter((stream) => stream.audio);
  const moving = inbound.filter((stream) => !stream.audio && stream.framesDecoded > 0);
  const lost = sum(inbound.map((stream) => stream.lost));
  return {
    downlinkLoss: share(lost, lost + sum(inbound.map(({ received }) => received)), FEWEST_PACKETS),
    uplinkLoss: share(
      sum(outbound.map((stream) => stream.lost)),
      sum(outbound.map(({ sent }) => sent)),
      FEWEST_PACKETS,
    ),
    concealed: share(
      sum(audio.map(({ concealed }) => concealed)),
      sum(audio.map(({ samples }) => samples)),
      1,
    ),
    frozen:
      moving.length === 0
        ? null
        : share(Math.max(...moving.map(({ frozenSeconds }) => frozenSeconds)), seconds, 0.001),
    roundTripMs: after.roundTripMs,
    outgoingKbps: after.outgoingKbps,
  };
}

function inbound(entry: Entry): Inbound {
  return {
    audio: entry['kind'] === 'audio',
    received: count(entry, 'packetsReceived'),
    lost: count(entry, 'packetsLost'),
    samples: count(entry, 'totalSamplesReceived'),
    concealed: count(entry, 'concealedSamples') - count(entry, 'silentConcealedSamples'),
    framesDecoded: count(entry, 'framesDecoded'),
    frozenSeconds: count(entry, 'totalFreezesDuration'),
  };
}

/** The pair in use: the transport names it, but not in every browser. */
function selectedPair(
  entries: readonly Entry[],
  byId: ReadonlyMap<string, Entry>,
): Entry | undefined {
  const transport = entries.find(({ type }) => type === 'transport');
  const named = transport && byId.get(text(transport, 'selectedCandidatePairId') ?? '');
  return (
    named ??
    entries.find(
      (entry) =>
        entry.type === 'candidate-pair' &&
        (entry['selected'] === true || (entry['nominated'] === true && entry['state'] === 'succeeded')),
    )
  );
}

/** How much every number of a stream grew; streams only in one of both are left out. */
function differences<T extends object>(
  before: ReadonlyMap<string, T>,
  after: ReadonlyMap<string, T>,
): readonly T[] {
  return [...after].flatMap(([id, now]) => {
    const former = before.get(id);
    if (former === undefined) return [];
    const grown = Object.entries(now).map(([key, value]: [string, unknown]) => {
      const was = (former as Readonly<Record<string, unknown>>)[key];
      return [key, typeof value === 'number' && typeof was === 'number' ? value - was : value];
    });
    return [Object.fromEntries(grown) as T];
  });
}

/** Browsers correct what they said before: a part is never below none nor above all. */
function share(part: number, whole: number, fewest: number): number | null {
  return whole < fewest ? null : Math.min(1, Math.max(0, part / whole));
}

function count(entry: Entry, member: string): number {
  const value = entry[member];
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}

function scaled(entry: Entry | undefined, member: string, factor: number): number | null {
  const value = entry?.[member];
  return typeof value === 'number' && Number.isFinite(value) ? value * factor : null;
}

function text(entry: Entry, member: string): string | undefined {
  const value = entry[member];
  return typeof value === 'string' ? value : undefined;
}

function isEntry(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null && 'id' in value && 'type' in value;
}
