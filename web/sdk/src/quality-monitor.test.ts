import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { FakePeer } from '../test/fake-peer';
import type { Line } from './protocol';
import type { Quality } from './quality';
import { QualityMonitor } from './quality-monitor';
import type { SessionState } from './state';

const CONNECTED: SessionState = { name: 'joined', media: 'connected' };
const LOST: SessionState = { name: 'joined', media: 'lost' };
const OFF: Line = { downlink_kbps: 60, video: 'off', reason: 'narrow', uplink: 'good' };
const SAMPLE_MS = 3_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  FakePeer.forget();
  vi.useRealTimers();
});

function watching() {
  const fake = new FakePeer();
  const monitor = new QualityMonitor();
  const told: (Quality | null)[] = [];
  monitor.on('quality', (quality) => told.push(quality));
  monitor.watch(fake as unknown as RTCPeerConnection);
  let [received, lost] = [0, 0];
  /** So many samples, in each of which this part of a hundred packets is lost. */
  const pass = async (samples: number, loss: number): Promise<void> => {
    for (let sample = 0; sample < samples; sample += 1) {
      received += 100 * (1 - loss);
      lost += 100 * loss;
      const counts = { packetsReceived: received, packetsLost: lost };
      fake.stats = [{ id: 'a', type: 'inbound-rtp', kind: 'audio', ...counts }];
      await vi.advanceTimersByTimeAsync(SAMPLE_MS);
    }
  };
  return { fake, monitor, told, pass };
}

describe('the quality of a connection', () => {
  it('is nothing before media flows, then good', async () => {
    const { monitor, told, pass } = watching();
    expect(monitor.quality).toBeNull();
    monitor.enter({ name: 'joined', media: 'connecting' });
    await pass(3, 1);
    expect(monitor.quality).toBeNull();
    monitor.enter(CONNECTED);
    expect(told).toEqual([{ level: 'good', reason: null }]);
  });

  it('follows what the browser counts, and is told when it changes', async () => {
    const { monitor, told, pass } = watching();
    monitor.enter(CONNECTED);
    await pass(4, 0.3);
    expect(monitor.quality).toEqual({ level: 'bad', reason: 'lossy' });
    await pass(6, 0);
    expect(told.map((quality) => quality?.level)).toEqual(['good', 'bad', 'good']);
  });

  it('is what the node says at once, and the worse of both', async () => {
    const { monitor, pass } = watching();
    monitor.enter(CONNECTED);
    monitor.receive(OFF);
    expect(monitor.quality).toEqual({ level: 'bad', reason: 'narrow' });
    await pass(4, 0.08);
    expect(monitor.quality).toEqual({ level: 'bad', reason: 'narrow' });
    monitor.receive({ ...OFF, video: 'full', reason: null });
    expect(monitor.quality).toEqual({ level: 'weak', reason: 'lossy' });
  });

  it('is lost while the connection is restored, and starts anew after it', async () => {
    const { monitor, pass } = watching();
    monitor.enter(CONNECTED);
    await pass(4, 0.3);
    monitor.enter(LOST);
    expect(monitor.quality).toEqual({ level: 'lost', reason: 'interrupted' });
    for (const name of ['reconnecting', 'connecting'] as const) {
      monitor.enter({ name, attempt: 1 });
      expect(monitor.quality?.level).toBe('lost');
    }
    monitor.enter(CONNECTED);
    expect(monitor.quality).toEqual({ level: 'good', reason: null });
  });

  it('of another connection has nothing of the former one', async () => {
    const { fake, monitor, pass } = watching();
    monitor.enter(CONNECTED);
    monitor.receive(OFF);
    const lines: (Line | null)[] = [];
    monitor.on('line', (line) => lines.push(line));
    monitor.watch(fake as unknown as RTCPeerConnection);
    expect(monitor.line).toEqual(OFF);
    await pass(1, 0.3);
    monitor.watch(new FakePeer() as unknown as RTCPeerConnection);
    expect(lines).toEqual([null]);
    expect(monitor.quality).toEqual({ level: 'good', reason: null });
  });

  it('ends with it, also for a look that is under way', async () => {
    const { fake, monitor } = watching();
    monitor.enter(CONNECTED);
    let answer = (_: Map<string, object>): void => undefined;
    vi.spyOn(fake, 'getStats').mockReturnValue(new Promise((resolve) => (answer = resolve)));
    await vi.advanceTimersByTimeAsync(SAMPLE_MS);
    monitor.watch(undefined);
    monitor.enter({ name: 'left' });
    answer(new Map());
    await vi.advanceTimersByTimeAsync(0);
    expect(monitor.quality).toBeNull();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('does not suffer from a browser that gives no statistics', async () => {
    const { fake, monitor } = watching();
    monitor.enter(CONNECTED);
    vi.spyOn(fake, 'getStats').mockRejectedValue(new DOMException('closed', 'InvalidStateError'));
    await vi.advanceTimersByTimeAsync(10 * SAMPLE_MS);
    expect(monitor.quality).toEqual({ level: 'good', reason: null });
  });
});
