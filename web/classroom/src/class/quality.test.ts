import type { QualityLevel, QualityReason } from '@firstbell/sdk';
import { describe, expect, it } from 'vitest';

import { LANGUAGES } from '../i18n';
import { qualityText } from './quality';

/** The compiler asks for every reason and every level. */
const REASONS: Readonly<Record<QualityReason, true>> = {
  narrow: true,
  lossy: true,
  delayed: true,
  sound: true,
  frozen: true,
  uplink_narrow: true,
  uplink_lossy: true,
  uplink_silent: true,
  interrupted: true,
};
const LEVELS: Readonly<Record<QualityLevel, true>> = { good: true, weak: true, bad: true, lost: true };

describe.each(Object.entries(LANGUAGES))('the text for the connection in %s', (_, { texts }) => {
  it('is another one for every level and every reason', () => {
    const reasons = Object.keys(REASONS) as QualityReason[];
    const levels = Object.keys(LEVELS) as QualityLevel[];
    const all = levels.flatMap((level) => reasons.map((reason) => qualityText(texts, { level, reason })));
    expect(new Set(all).size).toBe(levels.length * reasons.length);
    for (const text of all) expect(text).toMatch(/^\S.*\. \S.*\.$/);
  });

  it('holds the word that is shown, for who steers by voice', () => {
    for (const level of Object.keys(LEVELS) as QualityLevel[]) {
      const text = qualityText(texts, { level, reason: null }).toLowerCase();
      expect(text).toContain(texts.qualityShort[level].toLowerCase());
    }
  });

  it('says that all is well when it is', () => {
    expect(qualityText(texts, { level: 'good', reason: null })).toContain(texts.qualityFine);
  });

  it('names the level alone for a reason of a newer SDK', () => {
    const reason = 'invented_tomorrow' as QualityReason;
    expect(qualityText(texts, { level: 'bad', reason })).toBe(`${texts.quality.bad}.`);
  });
});
