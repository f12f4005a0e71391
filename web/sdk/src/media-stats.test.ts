import { describe, expect, it } from 'vitest';

import { between, countersOf, type Measurement } from './media-stats';

type Entry = Record<string, unknown>;

const audio = (id: string, counts: Entry): Entry => ({ type: 'inbound-rtp', kind: 'audio', id, ...counts });
const video = (id: string, counts: Entry): Entry => ({ type: 'inbound-rtp', kind: 'video', id, ...counts });
const sent = (id: string, packetsSent: number, packetsLost: number): Entry[] => [
  { type: 'outbound-rtp', kind: 'video', id, packetsSent },
  { type: 'remote-inbound-rtp', id: `remote-${id}`, localId: id, packetsLost },
];

/** From an empty report, with every entry there at zero, to this one, in two seconds. */
function grown(...after: Entry[]): Measurement {
  const zero = after.map((entry) =>
    Object.fromEntries(
      Object.entries(entry).map(([key, value]) => [key, typeof value === 'number' ? 0 : value]),
    ),
  );
  return between(countersOf(zero, 1_000), countersOf(after, 3_000));
}

describe('loss on the way to us', () => {
  it('is the lost part of all that should have come', () => {
    const { downlinkLoss } = grown(
      audio('a', { packetsReceived: 90, packetsLost: 10 }),
      video('b', { packetsReceived: 270, packetsLost: 30 }),
    );
    expect(downlinkLoss).toBeCloseTo(0.1);
  });

  it('is not known from a few packets', () => {
    expect(grown(audio('a', { packetsReceived: 30, packetsLost: 9 })).downlinkLoss).toBeNull();
    expect(grown().downlinkLoss).toBeNull();
  });

  it('is never below none: packets that come late are not lost after all', () => {
    expect(grown(audio('a', { packetsReceived: 100, packetsLost: -5 })).downlinkLoss).toBe(0);
  });

  it('does not count streams on which nothing comes: nobody speaks there', () => {
    const { downlinkLoss, concealed } = grown(
      audio('quiet', { packetsReceived: 0, packetsLost: 400, totalSamplesReceived: 96_000, concealedSamples: 96_000 }),
      audio('loud', { packetsReceived: 100, totalSamplesReceived: 96_000, concealedSamples: 960 }),
    );
    expect(downlinkLoss).toBe(0);
    expect(concealed).toBeCloseTo(0.01);
  });
});

describe('loss on the way from us', () => {
  it('is what the other end misses of what we sent', () => {
    const { uplinkLoss } = grown(...sent('camera', 200, 30), ...sent('microphone', 100, 0));
    expect(uplinkLoss).toBeCloseTo(0.1);
  });

  it('is not known as long as the other end says nothing', () => {
    const [only] = sent('camera', 200, 30);
    expect(grown(only as Entry).uplinkLoss).toBeNull();
    expect(grown({ type: 'remote-inbound-rtp', id: 'r', localId: 'gone', packetsLost: 9 }).uplinkLoss).toBeNull();
  });
});

describe('sound', () => {
  it('is as bad as the part of it that was invented, silence aside', () => {
    const { concealed } = grown(
      audio('a', {
        packetsReceived: 100,
        totalSamplesReceived: 96_000,
        concealedSamples: 20_000,
        silentConcealedSamples: 10_400,
      }),
    );
    expect(concealed).toBeCloseTo(0.1);
  });

  it('is not known where there is none', () => {
    expect(grown(video('v', { packetsReceived: 100 })).concealed).toBeNull();
  });
});

describe('pictures', () => {
  it('are as bad as the worst of them', () => {
    const { frozen } = grown(
      video('a', { packetsReceived: 100, framesDecoded: 40, totalFreezesDuration: 0.1 }),
      video('b', { packetsReceived: 100, framesDecoded: 20, totalFreezesDuration: 0.8 }),
    );
    expect(frozen).toBeCloseTo(0.4);
  });

  it('that nobody sends do not stand still', () => {
    const { frozen } = grown(video('a', { packetsReceived: 9, framesDecoded: 0, totalFreezesDuration: 2 }));
    expect(frozen).toBeNull();
  });
});

describe('the path', () => {
  const pair = { type: 'candidate-pair', currentRoundTripTime: 0.25, availableOutgoingBitrate: 300_000 };

  it('is the one the transport names', () => {
    const report = [
      { type: 'candidate-pair', id: 'other', nominated: true, state: 'succeeded', currentRoundTripTime: 9 },
      { ...pair, id: 'p' },
      { type: 'transport', id: 't', selectedCandidatePairId: 'p' },
    ];
    expect(countersOf(report, 0)).toMatchObject({ roundTripMs: 250, outgoingKbps: 300 });
  });

  it('is the selected or the nominated one in browsers that name none', () => {
    const unused = { ...pair, id: 'x', currentRoundTripTime: 9, state: 'waiting', nominated: true };
    for (const mark of [{ selected: true }, { nominated: true, state: 'succeeded' }]) {
      const report = [unused, { ...pair, id: 'p', ...mark }];
      expect(countersOf(report, 0).roundTripMs).toBe(250);
    }
  });

  it('may not be known at all', () => {
    const none = { roundTripMs: null, outgoingKbps: null };
    expect(countersOf([], 0)).toMatchObject(none);
    expect(countersOf([{ type: 'transport', id: 't', selectedCandidatePairId: 7 }], 0)).toMatchObject(none);
    const odd = { ...pair, id: 'p', selected: true, currentRoundTripTime: 'fast', availableOutgoingBitrate: NaN };
    expect(countersOf([odd], 0)).toMatchObject(none);
  });
});

describe('a report', () => {
  it('may hold anything, and streams that come and go', () => {
    const before = countersOf([null, 7, {}, audio('gone', { packetsReceived: 5_000 })], 0);
    const after = countersOf([audio('new', { packetsReceived: 5_000, packetsLost: 5_000 })], 2_000);
    expect(between(before, after)).toEqual({
      downlinkLoss: null,
      uplinkLoss: null,
      concealed: null,
      frozen: null,
      roundTripMs: null,
      outgoingKbps: null,
    });
  });
});
