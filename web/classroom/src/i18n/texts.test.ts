import type { ErrorCode, ServiceLevel } from '@firstbell/sdk';
import { describe, expect, it } from 'vitest';

import { refusalText } from '../class/refusal';
import { LANGUAGES, pickLanguage } from './index';

const { de, en } = { de: LANGUAGES.de.texts, en: LANGUAGES.en.texts };

type Text = string | ((...values: unknown[]) => string);

/** Every text by its path, such as `refused.bad_token.0`. */
function textsOf(texts: object): Map<string, Text> {
  const found = new Map<string, Text>();
  const visit = (value: unknown, path: string): void => {
    if (typeof value === 'object' && value !== null) {
      for (const [key, inner] of Object.entries(value)) visit(inner, path === '' ? key : `${path}.${key}`);
    } else {
      found.set(path, value as Text);
    }
  };
  visit(texts, '');
  return found;
}

/** A text with marks in place of what the page puts in. */
function filled(text: Text): { said: string; marks: readonly string[] } {
  if (typeof text === 'string') return { said: text, marks: [] };
  const marks = Array.from({ length: text.length }, (_, index) => `⟨${index}⟩`);
  return { said: text(...marks), marks };
}

const GERMAN = textsOf(de);
const ENGLISH = textsOf(en);

describe('the German and the English texts', () => {
  it('have the same keys', () => {
    expect([...GERMAN.keys()].sort()).toEqual([...ENGLISH.keys()].sort());
  });

  it('take the same values, and show each of them', () => {
    for (const [key, english] of ENGLISH) {
      const [inEnglish, inGerman] = [filled(english), filled(GERMAN.get(key) ?? '')];
      expect(inGerman.marks, `German ${key}`).toEqual(inEnglish.marks);
      for (const mark of inEnglish.marks) {
        expect(inEnglish.said, `English ${key}`).toContain(mark);
        expect(inGerman.said, `German ${key}`).toContain(mark);
      }
    }
  });

  it('are none empty and have no space at their ends', () => {
    for (const [key, text] of [...GERMAN, ...ENGLISH]) {
      const { said } = filled(text);
      expect(said, key).not.toBe('');
      expect(said.trim(), key).toBe(said);
    }
  });

  it('are whole sentences in both languages or in neither', () => {
    for (const [key, english] of ENGLISH) {
      const isSentence = (text: Text): boolean => filled(text).said.endsWith('.');
      expect(isSentence(GERMAN.get(key) ?? ''), key).toBe(isSentence(english));
    }
  });

  it('count one person and many', () => {
    expect([1, 2].map((count) => de.participants(count))).toEqual(['1 Person', '2 Personen']);
    expect([1, 2].map((count) => en.participants(count))).toEqual(['1 person', '2 people']);
  });
});

/** `own`: people meet it and can do something about it. The compiler asks for every code. */
const CODES: Readonly<Record<ErrorCode, 'own' | 'other'>> = {
  bad_message: 'other',
  too_large: 'other',
  rate_limited: 'own',
  bad_token: 'own',
  token_expired: 'own',
  wrong_room: 'own',
  room_full: 'own',
  node_full: 'own',
  draining: 'own',
  bad_offer: 'other',
  unsupported_media: 'own',
  overloaded: 'own',
  resume_unknown: 'other',
  not_joined: 'other',
  already_joined: 'other',
  not_permitted: 'own',
  replaced: 'own',
  timeout: 'own',
  internal: 'other',
};

describe('the text for an error of the server', () => {
  it.each([['de', de] as const, ['en', en] as const])('is there for every code in %s', (_, t) => {
    for (const [code, kind] of Object.entries(CODES)) {
      const [title, hint] = refusalText(t, code);
      expect(title, code).not.toBe('');
      expect(hint, code).not.toBe('');
      if (kind === 'own') expect(title, code).not.toBe(t.refused.other[0]);
      else expect([title, hint], code).toEqual(t.refused.other);
    }
  });

  it('is there for codes only that the server has', () => {
    const known = new Set([...Object.keys(CODES), 'other']);
    for (const t of [de, en]) {
      expect(Object.keys(t.refused).filter((code) => !known.has(code))).toEqual([]);
    }
  });

  it('is the general one for a code of a newer server', () => {
    expect(refusalText(en, 'invented_tomorrow')).toEqual(en.refused.other);
  });

  it('is one of its own when no server answers', () => {
    expect(refusalText(de, 'unreachable')).toEqual([de.unreachableTitle, de.unreachableHint]);
  });
});

/** The compiler asks for every level. */
const LEVELS: Readonly<Record<ServiceLevel, true>> = {
  audio_first: true,
  thumbnails_limited: true,
  speakers_only: true,
  audio_only: true,
  queue: true,
};

describe('the text for what a busy node gives', () => {
  it('is there for every level, and for no other', () => {
    for (const t of [de, en]) expect(Object.keys(t.service).sort()).toEqual(Object.keys(LEVELS).sort());
  });
});

describe('the language of the page', () => {
  it('is the one that was chosen', () => {
    expect(pickLanguage('en', ['de-DE'])).toBe('en');
  });

  it('else the first of the browser that we have, in whatever region', () => {
    expect(pickLanguage(null, ['fr-FR', 'de-AT', 'en-US'])).toBe('de');
    expect(pickLanguage(null, ['EN-gb', 'de'])).toBe('en');
  });

  it('else English', () => {
    expect(pickLanguage(null, ['fr', 'tr'])).toBe('en');
    expect(pickLanguage(null, [])).toBe('en');
    expect(pickLanguage('no language', [])).toBe('en');
  });
});
