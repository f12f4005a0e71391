import { describe, expect, it } from 'vitest';

import { PRIVACY } from '../../privacy/texts';
import { reportOf } from '../report';
import { CHECK_TEXTS } from '.';

/** Every text by its path; functions are called with marks. */
function textsOf(texts: object): Map<string, string> {
  const found = new Map<string, string>();
  const visit = (value: unknown, path: string): void => {
    if (typeof value === 'function') {
      const marks = Array.from({ length: value.length }, (_, index) => `⟨${index}⟩`);
      const said = String((value as (...marks: string[]) => string)(...marks));
      for (const mark of marks) expect(said, path).toContain(mark);
      found.set(path, said);
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, inner] of Object.entries(value)) visit(inner, `${path}.${key}`);
    } else found.set(path, String(value));
  };
  visit(texts, '');
  return found;
}

describe.each([
  ['the check page', CHECK_TEXTS.de, CHECK_TEXTS.en],
  ['the privacy page', PRIVACY.de, PRIVACY.en],
])('the texts of %s', (_, de, en) => {
  it('are the same in German and English, as many and as whole', () => {
    const [german, english] = [textsOf(de), textsOf(en)];
    expect([...german.keys()].sort()).toEqual([...english.keys()].sort());
    for (const [path, text] of english) {
      const other = german.get(path) ?? '';
      expect(other === '', path).toBe(text === '');
      expect(other.endsWith('.'), path).toBe(text.endsWith('.'));
      expect(other.trim(), path).toBe(other);
    }
  });

  it('are not left untranslated', () => {
    const same = [...textsOf(en)].filter(([path, text]) => text.length > 12 && textsOf(de).get(path) === text);
    expect(same).toEqual([]);
  });
});

describe('a finding', () => {
  it('that is not good comes with advice', () => {
    for (const [code, [what, advice]] of Object.entries(CHECK_TEXTS.en.findings)) {
      expect(what, code).not.toBe('');
      expect(advice === '', code).toBe(code.endsWith('Good'));
    }
  });
});

describe('the report for support', () => {
  it('names codes and figures', () => {
    const line = { protocol: 'udp', rttMs: 12.3456, upKbps: 900, downKbps: null, lossUp: 0, lossDown: 0.01, jitterMs: 1 };
    const report = reportOf({ camera: [{ level: 'bad', code: 'cameraDenied' }], line: [] }, line, 'Browser/1');
    expect(report).toBe(
      'Firstbell check\nBrowser/1\ncamera: cameraDenied (bad)\nline: -\nprotocol: udp\nrttMs: 12.346\nupKbps: 900\n' +
        'downKbps: -\nlossUp: 0\nlossDown: 0.01\njitterMs: 1\n',
    );
  });
});
