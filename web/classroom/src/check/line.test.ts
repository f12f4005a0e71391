import { describe, expect, it } from 'vitest';

import { lineOf, sampleOf, type Sample } from './line';

const stat = (type: string, values: object): RTCStats => ({ id: `${type}${Math.random()}`, timestamp: 0, type, ...values }) as RTCStats;

const CHROMIUM: readonly RTCStats[] = [
  stat('transport', { selectedCandidatePairId: 'P' }),
  stat('candidate-pair', { id: 'other', nominated: true, currentRoundTripTime: 9, localCandidateId: 'X' }),
  stat('candidate-pair', { id: 'P', currentRoundTripTime: 0.025, availableOutgoingBitrate: 2_500_000, localCandidateId: 'L' }),
  stat('local-candidate', { id: 'L', protocol: 'udp' }),
  stat('outbound-rtp', { bytesSent: 1_000 }),
  stat('outbound-rtp', { bytesSent: 500 }),
  stat('remote-inbound-rtp', { fractionLost: 0.02 }),
  stat('remote-inbound-rtp', { fractionLost: 0.05 }),
  stat('inbound-rtp', { bytesReceived: 700, packetsReceived: 10, packetsLost: 2, jitter: 0.004 }),
  stat('inbound-rtp', { bytesReceived: 300, packetsReceived: 5, packetsLost: 0, jitter: 0.012 }),
];

describe('a sample', () => {
  it('sums over streams and takes the worst of them', () => {
    expect(sampleOf(7, CHROMIUM)).toEqual({
      at: 7,
      bytesSent: 1_500,
      bytesReceived: 1_000,
      packetsReceived: 15,
      packetsLost: 2,
      jitterMs: 12,
      rttMs: 25,
      availableKbps: 2_500,
      lossUp: 0.05,
      protocol: 'udp',
    });
  });

  it('finds the pair that Firefox marks itself', () => {
    const firefox = [
      stat('candidate-pair', { nominated: true, currentRoundTripTime: 9 }),
      stat('candidate-pair', { selected: true, currentRoundTripTime: 0.5, localCandidateId: 'L' }),
      stat('local-candidate', { id: 'L', protocol: 'tcp' }),
    ];
    expect(sampleOf(0, firefox)).toMatchObject({ rttMs: 500, protocol: 'tcp', availableKbps: null });
  });

  it('says what is not there', () => {
    expect(sampleOf(0, [])).toMatchObject({ bytesSent: 0, jitterMs: null, rttMs: null, lossUp: null, protocol: null });
  });
});

function samples(count: number, make: (second: number) => Partial<Sample>): Sample[] {
  return Array.from({ length: count }, (_, second) => ({ ...sampleOf(second * 1_000, []), ...make(second) }));
}

describe('the line', () => {
  it('carries what it carried at its best', () => {
    const steps = [0, 100_000, 400_000, 450_000];
    const { upKbps, downKbps } = lineOf(
      samples(4, (second) => ({ bytesSent: steps[second] ?? 0 })),
      samples(4, (second) => ({ bytesReceived: (steps[second] ?? 0) / 2 })),
    );
    expect(upKbps).toBe(2_400);
    expect(downKbps).toBe(1_200);
  });

  it('carries more up if the browser thinks so, by its last word', () => {
    const estimates = [9_000, 300, 800, 3_000, 2_000, 2_100];
    const up = samples(6, (second) => ({ availableKbps: estimates[second] ?? null, bytesSent: second * 10_000 }));
    expect(lineOf(up, []).upKbps).toBe(3_000);
    expect(lineOf(up.slice(0, 3), []).upKbps).toBe(9_000);
  });

  it('does not count the losses of the first moments', () => {
    const down = samples(6, (second) => ({
      packetsLost: second < 3 ? second * 10 : 30 + (second - 3),
      packetsReceived: second * 100,
    }));
    // From the fourth sample on: 2 lost, 200 came.
    expect(lineOf([], down).lossDown).toBeCloseTo(2 / 202);
  });

  it('takes the middle of delays and losses, not a single bad moment', () => {
    const up = samples(7, (second) => ({ rttMs: second === 6 ? 900 : 40, lossUp: second === 5 ? 1 : 0 }));
    expect(lineOf(up, [])).toMatchObject({ rttMs: 40, lossUp: 0 });
  });

  it('without a way down says so', () => {
    expect(lineOf(samples(3, () => ({})), [])).toMatchObject({ downKbps: null, lossDown: null, jitterMs: null });
  });

  it('of no samples at all is one that carries nothing', () => {
    expect(lineOf([], [])).toMatchObject({ upKbps: 0, downKbps: null, rttMs: null, protocol: null });
  });

  it('counters that start anew make no rate below zero', () => {
    expect(lineOf(samples(3, (second) => ({ bytesSent: 900 - second * 300 })), []).upKbps).toBe(0);
  });
});
