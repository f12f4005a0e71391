import { describe, expect, it } from 'vitest';

import { peekToken, readAddress, roomPath } from './address';

const address = (pathname: string, hash = '') => readAddress({ pathname, hash });

describe('the address of the page', () => {
  it('names the room, with a slash at the end or without', () => {
    expect(address('/r/math-7b').room).toBe('math-7b');
    expect(address('/r/math-7b/').room).toBe('math-7b');
  });

  it('names none anywhere else', () => {
    for (const path of ['/', '/r', '/r/', '/r/a/b', '/x/math-7b', '/en/r/math-7b']) {
      expect(address(path).room, path).toBeUndefined();
    }
  });

  it('names the same room that it was made for', () => {
    for (const room of ['math-7b', 'Größe 7b', 'a/b', '100%', 'a?b#c', '数学']) {
      expect(address(roomPath(room)).room).toBe(room);
    }
  });

  it('names none if it is broken', () => {
    expect(address('/r/%E0%A4%A').room).toBeUndefined();
  });

  it('carries the token behind the hash, where no server sees it', () => {
    expect(address('/r/math-7b', '#token=aaa.bbb-b.c_c').token).toBe('aaa.bbb-b.c_c');
    expect(address('/r/math-7b', '#lang=de&token=a.b.c').token).toBe('a.b.c');
  });

  it('carries the key of end-to-end encryption there, too', () => {
    expect(address('/r/math-7b', '#token=a.b.c&key=Zx-_9.2')).toMatchObject({ token: 'a.b.c', key: 'Zx-_9.2' });
    expect(address('/r/math-7b', '#token=a.b.c').key).toBeUndefined();
    expect(address('/r/math-7b', '#key=').key).toBeUndefined();
  });

  it('reads what it was made of', () => {
    for (const held of [{}, { token: 'a.b.c' }, { key: 'k-_.7' }, { token: 'a.b&c=d', key: 'ü#&' }]) {
      const { pathname, hash } = new URL(roomPath('Größe 7b', held), 'https://school.example');
      expect(readAddress({ pathname, hash })).toMatchObject({ room: 'Größe 7b', ...held });
    }
  });

  it('says what is off on the way in', () => {
    expect(address('/r/math-7b', '#token=a.b.c&camera=off').entry).toEqual({ camera: false });
    expect(address('/r/math-7b', '#camera=off&microphone=off').entry).toEqual({ camera: false, microphone: false });
    for (const hash of ['', '#camera=on', '#camera=', '#microphone']) {
      expect(address('/r/math-7b', hash).entry, hash).toEqual({});
    }
  });

  it('carries none if there is none or it is empty', () => {
    for (const hash of ['', '#', '#token=', '#token', '#other=x']) {
      expect(address('/r/math-7b', hash).token, hash).toBeUndefined();
    }
  });
});

function tokenWith(claims: unknown): string {
  const bytes = new TextEncoder().encode(JSON.stringify(claims));
  const base64 = btoa(String.fromCharCode(...bytes));
  const part = base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  return `header.${part}.signature`;
}

describe('a look into a token', () => {
  it('shows name and room, in all letters of the world', () => {
    for (const name of ['Anna', 'Jürgen Groß', 'Zoë', '李明', '🦊 Fuchs']) {
      expect(peekToken(tokenWith({ name, room: 'math-7b' }))).toEqual({ name, room: 'math-7b' });
    }
  });

  it('reads the letters by which base64url differs from base64', () => {
    const token = tokenWith({ name: '~~~???>>>', room: 'ÿþý' });
    expect(token).toMatch(/[-_]/);
    expect(peekToken(token)).toEqual({ name: '~~~???>>>', room: 'ÿþý' });
  });

  it('shows nothing of claims that are no text', () => {
    expect(peekToken(tokenWith({ name: 7, room: null }))).toEqual({ name: undefined, room: undefined });
    expect(peekToken(tokenWith({}))).toEqual({ name: undefined, room: undefined });
  });

  it('shows nothing of what is no token', () => {
    const bad = ['', '.', 'a', 'a.b', 'a.!!!.c', tokenWith(null), tokenWith('text'), tokenWith(7)];
    for (const token of bad) {
      expect(peekToken(token), token).toEqual({ name: undefined, room: undefined });
    }
  });
});
