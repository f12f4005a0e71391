/** What the line carries, from the counters of two connections. */
export interface Line {
  /** `udp` or `tcp`: how sound and pictures travel. */
  readonly protocol: string | null;
  readonly rttMs: number | null;
  /** At least this much got up, or is estimated to. */
  readonly upKbps: number;
  /** At least this much came down; `null`: there was nothing to receive. */
  readonly downKbps: number | null;
  /** Shares of packets, 0 to 1; `null`: not known. */
  readonly lossUp: number | null;
  readonly lossDown: number | null;
  readonly jitterMs: number | null;
}

/** How far the check came. */
export type LineResult =
  | { readonly reached: 'nothing' }
  /** The page's server answers, but no WebSocket opens. */
  | { readonly reached: 'server' }
  | { readonly reached: 'socket'; readonly why: 'no_token' | 'refused' }
  /** Joined, but neither sound nor pictures get through. */
  | { readonly reached: 'join' }
  | { readonly reached: 'media'; readonly line: Line };

/** A connection's counters at one moment. Absent ones are those a browser does not have. */
export interface Sample {
  /** Milliseconds. */
  readonly at: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly packetsReceived: number;
  readonly packetsLost: number;
  readonly jitterMs: number | null;
  readonly rttMs: number | null;
  /** The browser's own estimate of the way up. */
  readonly availableKbps: number | null;
  /** What the other side says it lost of ours. */
  readonly lossUp: number | null;
  readonly protocol: string | null;
}

type Stat = RTCStats & Readonly<Record<string, unknown>>;

/** Reads a connection's statistics. */
export function sampleOf(at: number, stats: Iterable<RTCStats>): Sample {
  const all = [...stats] as Stat[];
  const of = (type: string): readonly Stat[] => all.filter((stat) => stat.type === type);
  const byId = (id: unknown): Stat | undefined => all.find((stat) => stat.id === id);
  const inbound = of('inbound-rtp');
  const pair = selectedPair(of('transport'), of('candidate-pair'), byId);
  const losses = of('remote-inbound-rtp').flatMap((stat) => numbers(stat.fractionLost));
  const rtt = numbers(pair?.currentRoundTripTime)[0];
  const available = numbers(pair?.availableOutgoingBitrate)[0];
  const jitters = inbound.flatMap((stat) => numbers(stat.jitter));
  return {
    at,
    bytesSent: sum(of('outbound-rtp'), 'bytesSent'),
    bytesReceived: sum(inbound, 'bytesReceived'),
    packetsReceived: sum(inbound, 'packetsReceived'),
    packetsLost: sum(inbound, 'packetsLost'),
    jitterMs: jitters.length === 0 ? null : Math.max(...jitters) * 1_000,
    rttMs: rtt === undefined ? null : rtt * 1_000,
    availableKbps: available === undefined ? null : available / 1_000,
    lossUp: losses.length === 0 ? null : Math.max(...losses),
    protocol: text(byId(pair?.localCandidateId)?.protocol),
  };
}

function selectedPair(
  transports: readonly Stat[],
  pairs: readonly Stat[],
  byId: (id: unknown) => Stat | undefined,
): Stat | undefined {
  const named = transports.map((transport) => byId(transport.selectedCandidatePairId)).find(Boolean);
  // Firefox marks the pair itself.
  return named ?? pairs.find(({ selected }) => selected === true) ?? pairs.find(({ nominated }) => nominated === true);
}

/** The first moments are the browsers' own start, slower than the line. */
const WARM_UP_MS = 3_000;

/**
 * The line from samples of the sending and of the receiving connection, each in order of time. Up is
 * what was sent or what the browser thinks it could send, whichever is more: a test sends only so much.
 */
export function lineOf(up: readonly Sample[], down: readonly Sample[]): Line {
  const last = up.at(-1);
  const late = up.slice(-3).flatMap(({ availableKbps }) => numbers(availableKbps));
  const rtts = up.flatMap(({ rttMs }) => numbers(rttMs));
  const losses = afterWarmUp(up).flatMap(({ lossUp }) => numbers(lossUp));
  const jitters = afterWarmUp(down).flatMap(({ jitterMs }) => numbers(jitterMs));
  return {
    protocol: last?.protocol ?? null,
    rttMs: rtts.length === 0 ? null : median(rtts),
    upKbps: Math.max(bestRate(up, 'bytesSent'), ...late),
    downKbps: down.length === 0 ? null : bestRate(down, 'bytesReceived'),
    lossUp: losses.length === 0 ? null : median(losses),
    lossDown: lossDown(down),
    jitterMs: jitters.length === 0 ? null : median(jitters),
  };
}

function afterWarmUp(samples: readonly Sample[]): readonly Sample[] {
  const start = samples[0]?.at ?? 0;
  return samples.filter(({ at }) => at >= start + WARM_UP_MS);
}

/** Kilobits per second between two samples in a row, at their best. */
function bestRate(samples: readonly Sample[], counter: 'bytesSent' | 'bytesReceived'): number {
  let best = 0;
  samples.forEach((sample, index) => {
    const before = samples[index - 1];
    if (before === undefined || sample.at <= before.at) return;
    const bits = (sample[counter] - before[counter]) * 8;
    best = Math.max(best, bits / (sample.at - before.at));
  });
  return best;
}

function lossDown(samples: readonly Sample[]): number | null {
  const late = afterWarmUp(samples);
  const [first, last] = [late[0], late.at(-1)];
  if (first === undefined || last === undefined) return null;
  const lost = Math.max(0, last.packetsLost - first.packetsLost);
  const received = last.packetsReceived - first.packetsReceived;
  return received + lost <= 0 ? null : lost / (received + lost);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

const numbers = (value: unknown): readonly number[] => (typeof value === 'number' ? [value] : []);
const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const sum = (stats: readonly Stat[], counter: string): number =>
  stats.reduce((whole, stat) => whole + (numbers(stat[counter])[0] ?? 0), 0);
