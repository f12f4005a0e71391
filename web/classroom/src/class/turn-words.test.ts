import { describe, expect, it } from 'vitest';

import { LANGUAGES } from '../i18n';
import { placeText, waitText, waitUntil, type Wait } from './turn-words';

const { de, en } = { de: LANGUAGES.de.texts, en: LANGUAGES.en.texts };
const NOW = 1_000_000;
const inLine = (ms: number): Wait => waitUntil({ position: 3, at: NOW + ms }, NOW);
const beforeTheLine = (ms: number): Wait => waitUntil({ position: null, at: NOW + ms }, NOW);

describe('how long somebody waits', () => {
  it('is said in steps, rounded up', () => {
    expect(inLine(5_001)).toEqual({ unit: 'seconds', count: 10 });
    expect(inLine(10_000)).toEqual({ unit: 'seconds', count: 10 });
    expect(inLine(10_001)).toEqual({ unit: 'seconds', count: 20 });
    expect(inLine(55_000)).toEqual({ unit: 'seconds', count: 60 });
    expect(inLine(55_001)).toEqual({ unit: 'minutes', count: 1 });
    expect(inLine(60_001)).toEqual({ unit: 'minutes', count: 2 });
  });

  it('is never less than what is left, and never much more', () => {
    for (let ms = 0; ms < 400_000; ms += 137) {
      const wait = inLine(ms);
      const said = wait.unit === 'soon' ? 5 : wait.count * (wait.unit === 'minutes' ? 60 : 1);
      expect(said * 1_000, `${ms}`).toBeGreaterThanOrEqual(ms);
      expect(said * 1_000 - ms, `${ms}`).toBeLessThanOrEqual(60_000);
    }
  });

  it('changes a few times in a minute, not with every second', () => {
    const seen = new Set<string>();
    for (let ms = 60_000; ms >= 0; ms -= 100) seen.add(JSON.stringify(inLine(ms)));
    expect(seen.size).toBeLessThanOrEqual(8);
  });

  it('is a moment at the end of the line, also when it takes longer than told', () => {
    expect(inLine(5_000)).toEqual({ unit: 'soon' });
    expect(inLine(-30_000)).toEqual({ unit: 'soon' });
  });

  it('is no moment for who has yet to come back to the line', () => {
    expect(beforeTheLine(2_000)).toEqual({ unit: 'seconds', count: 10 });
    expect(beforeTheLine(-30_000)).toEqual({ unit: 'seconds', count: 10 });
  });
});

describe('the words for it', () => {
  it('count one minute and many', () => {
    expect(waitText(en, { unit: 'minutes', count: 1 })).toContain('a minute');
    expect(waitText(de, { unit: 'minutes', count: 1 })).toContain('einer Minute');
    expect(waitText(en, { unit: 'minutes', count: 3 })).toContain('3 minutes');
    expect(waitText(de, { unit: 'minutes', count: 3 })).toContain('3 Minuten');
    expect(waitText(en, { unit: 'seconds', count: 20 })).toContain('20 seconds');
    expect(waitText(de, { unit: 'soon' })).toBe(de.turn.soon);
  });

  it('name the place only where there is one', () => {
    expect(placeText(en, 12)).toContain('12');
    expect(placeText(de, 1)).toBe(de.turn.next);
    expect(placeText(de, null)).toBeNull();
  });
});
