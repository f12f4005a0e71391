import { describe, expect, it } from 'vitest';

import { AVATAR_COLOURS, avatarColour, initials } from './names';

describe('the initials of a name', () => {
  it('are those of the first and the last word', () => {
    expect(initials('Anna Ahrens')).toBe('AA');
    expect(initials('Karl Theodor von Dahlberg')).toBe('KD');
  });

  it('are one letter for one word', () => {
    expect(initials('Anna')).toBe('A');
  });

  it('are capital letters, with what belongs to them', () => {
    expect(initials('özlem élodie')).toBe('ÖÉ');
    expect(initials('e\u0301lodie')).toBe('E\u0301');
  });

  it('do not cut a character that is made of several', () => {
    expect(initials('👩‍🏫 Lehrerin')).toBe('👩‍🏫L');
    expect(initials('李明')).toBe('李');
  });

  it('do not mind spaces', () => {
    expect(initials('  Anna \t Ahrens ')).toBe('AA');
  });

  it('do not show brackets, quotes and dashes', () => {
    expect(initials('Lea (7b)')).toBe('L7');
    expect(initials('„Max“ Ahrens')).toBe('MA');
    expect(initials('Anna - 7b -')).toBe('A7');
    expect(initials('(Gast)')).toBe('G');
    expect(initials('— …')).toBe('?');
  });

  it('are a question mark for no name', () => {
    expect(initials('')).toBe('?');
    expect(initials('   ')).toBe('?');
  });
});

describe('the colour of an avatar', () => {
  const ids = Array.from({ length: 800 }, (_, index) => `participant-${index * 7919}`);

  it('is the same for the same person, on every screen and in every version', () => {
    expect(['anna', 'ben'].map(avatarColour)).toEqual([0, 3]);
  });

  it('is one that the styles have', () => {
    for (const id of [...ids, '', '🦊', 'x'.repeat(5_000)]) {
      expect(avatarColour(id)).toBeGreaterThanOrEqual(0);
      expect(avatarColour(id)).toBeLessThan(AVATAR_COLOURS);
      expect(Number.isInteger(avatarColour(id))).toBe(true);
    }
  });

  it('is each of them for about as many people', () => {
    const counts = new Map<number, number>();
    for (const id of ids) counts.set(avatarColour(id), (counts.get(avatarColour(id)) ?? 0) + 1);
    expect(counts.size).toBe(AVATAR_COLOURS);
    for (const count of counts.values()) expect(count).toBeGreaterThan(50);
  });
});
