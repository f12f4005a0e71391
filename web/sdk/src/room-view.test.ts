import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { FakeMediaStream } from '../test/fake-peer';
import { person } from '../test/people';
import { RoomView } from './room-view';

const ROOM = { room: 'math-7b', max_participants: 40 };
const LINES = [
  { mid: '4', kind: 'audio' as const },
  { mid: '5', kind: 'video' as const },
];
const shows = { participant: 'anna', source: 'camera' as const };

beforeEach(() => void vi.stubGlobal('MediaStream', FakeMediaStream));
afterEach(() => vi.unstubAllGlobals());

function connected() {
  const view = new RoomView();
  const told: string[] = [];
  for (const name of ['room', 'roster', 'speakers', 'slots'] as const) view.on(name, () => told.push(name));
  view.connect(LINES, [], (mid) => ({ id: mid }) as MediaStreamTrack);
  return { view, told };
}

describe('the room', () => {
  it('as a whole replaces what was known', () => {
    const { view, told } = connected();
    view.replace({ roster: [person('anna')], speakers: ['anna'], mapping: [{ mid: '5', shows }], room: ROOM });
    expect(told).toEqual(['room', 'roster', 'speakers', 'slots']);
    expect([...view.roster.keys()]).toEqual(['anna']);
    view.replace({ roster: [person('ben')], speakers: [], mapping: [], room: ROOM });
    expect([...view.roster.keys()]).toEqual(['ben']);
    expect(view.speakers).toEqual([]);
    expect(view.slots.map((slot) => slot.shows)).toEqual([null, null]);
    expect(view.room).toEqual(ROOM);
  });

  it('changes by events', () => {
    const { view, told } = connected();
    view.receive({ type: 'roster', joined: [person('ben')], left: [], changed: [] });
    view.receive({ type: 'slots', mapping: [{ mid: '5', shows }] });
    view.receive({ type: 'speakers', participants: ['ben'] });
    view.receive({ type: 'room', room: { ...ROOM, service: 'speakers_only' } });
    expect(told).toEqual(['roster', 'slots', 'speakers', 'room']);
    expect(view.room?.service).toBe('speakers_only');
    expect(view.slots[1]?.shows).toEqual(shows);
    expect(view.speakers).toEqual(['ben']);
  });
});

describe('slots', () => {
  it('keep their stream as long as the connection lasts', () => {
    const { view } = connected();
    const [before] = view.slots;
    view.receive({ type: 'slots', mapping: [{ mid: '4', shows: { ...shows, source: 'microphone' } }] });
    expect(view.slots[0]?.stream).toBe(before?.stream);
    view.connect(LINES, [], () => undefined);
    expect(view.slots[0]?.stream).not.toBe(before?.stream);
  });

  it('are gone with the connection; the people are not', () => {
    const { view } = connected();
    view.replace({ roster: [person('anna')], speakers: ['anna'], mapping: [], room: ROOM });
    view.disconnect();
    expect(view.slots).toEqual([]);
    expect(view.speakers).toEqual([]);
    expect(view.roster.size).toBe(1);
    view.forget();
    expect(view.roster.size).toBe(0);
  });
});
