import type { ServiceLevel, SessionState } from '@firstbell/sdk';
import { describe, expect, it } from 'vitest';

import { person, rosterOf, slot } from '../../test/people';
import { missedService } from './service';

const CONNECTED: SessionState = { name: 'joined', media: 'connected' };
const LEVELS: readonly ServiceLevel[] = [
  'audio_first',
  'thumbnails_limited',
  'speakers_only',
  'audio_only',
  'queue',
];
const QUIET = { microphone: true, camera: false, screen: false };
const SHOWS_ANNA = slot('5', { participant: 'anna', source: 'camera' });

function view(service: ServiceLevel | null, differs: Partial<Parameters<typeof missedService>[0]> = {}) {
  const roster = rosterOf(person('me'), person('anna'));
  return { service, state: CONNECTED, slots: [slot('5', null)], roster, ...differs };
}

describe('what the node cannot give', () => {
  it('is said as it is', () => {
    for (const level of LEVELS) expect(missedService(view(level), 'me', null)).toBe(level);
    expect(missedService(view(null), 'me', null)).toBeNull();
  });

  it('that sound comes first is of no matter once a picture is there', () => {
    const slots = [slot('4', null), SHOWS_ANNA];
    expect(missedService(view('audio_first', { slots }), 'me', null)).toBeNull();
    expect(missedService(view('thumbnails_limited', { slots }), 'me', null)).toBe('thumbnails_limited');
    const voice = { ...slot('4', { participant: 'anna', source: 'microphone' }), kind: 'audio' as const };
    expect(missedService(view('audio_first', { slots: [voice] }), 'me', null)).toBe('audio_first');
  });

  it('is not missed where nobody else sends a picture, except by who waits for others', () => {
    const roster = rosterOf(person('me'), person('anna', { publishing: QUIET }));
    for (const level of LEVELS) {
      const missed = level === 'queue' ? level : null;
      expect(missedService(view(level, { roster }), 'me', null), level).toBe(missed);
      expect(missedService(view(level, { roster: rosterOf(person('me')) }), 'me', null), level).toBe(missed);
    }
  });

  it('is missed where only a screen is shared', () => {
    const roster = rosterOf(person('anna', { publishing: { ...QUIET, screen: true } }));
    expect(missedService(view('speakers_only', { roster }), 'me', null)).toBe('speakers_only');
  });

  it('is no second reason for who has none to miss pictures', () => {
    expect(missedService(view('audio_only'), 'me', 'chosen')).toBeNull();
    expect(missedService(view('audio_only'), 'me', 'line')).toBeNull();
  });

  it('is not explained while the connection itself is gone', () => {
    const states: SessionState[] = [
      { name: 'joined', media: 'lost' },
      { name: 'reconnecting', attempt: 1 },
    ];
    for (const state of states) expect(missedService(view('queue', { state }), 'me', null)).toBeNull();
  });
});
