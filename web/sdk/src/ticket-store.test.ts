import { describe, expect, it, vi } from 'vitest';

import { memoryStorage } from '../test/memory-storage';
import { TicketStore, type StoredSession } from './ticket-store';

const SESSION: StoredSession = {
  token: 'a.b.c',
  ticket: { participant: 'p-anna', secret: 'only anna knows' },
};

/** What browsers do when a page may not store anything. */
const FORBIDDEN = new Proxy({} as Storage, {
  get: () => () => {
    throw new DOMException('forbidden', 'SecurityError');
  },
});

describe('the ticket store', () => {
  it('gives back what was saved, to a reloaded page as well', () => {
    const storage = memoryStorage();
    new TicketStore(storage).save('math-7b', SESSION);
    expect(new TicketStore(storage).load('math-7b')).toEqual(SESSION);
  });

  it('keeps rooms apart', () => {
    const store = new TicketStore(memoryStorage());
    store.save('math-7b', SESSION);
    expect(store.load('math-7a')).toBeUndefined();
  });

  it('keeps the newest ticket of a room', () => {
    const store = new TicketStore(memoryStorage());
    const newer = { ...SESSION, ticket: { ...SESSION.ticket, secret: 'newer' } };
    store.save('math-7b', SESSION);
    store.save('math-7b', newer);
    expect(store.load('math-7b')).toEqual(newer);
  });

  it('forgets one room and no other', () => {
    const store = new TicketStore(memoryStorage());
    store.save('math-7b', SESSION);
    store.save('art', SESSION);
    store.forget('math-7b');
    expect(store.load('math-7b')).toBeUndefined();
    expect(store.load('art')).toEqual(SESSION);
  });

  it('takes what is stored but is no session for nothing', () => {
    const bad = [
      'not JSON',
      'null',
      '7',
      '[]',
      '{}',
      '{"token":"t"}',
      '{"token":"t","ticket":null}',
      '{"token":"t","ticket":{"participant":"p"}}',
      '{"token":"t","ticket":{"participant":"p","secret":7}}',
      '{"token":7,"ticket":{"participant":"p","secret":"s"}}',
    ];
    for (const text of bad) {
      const storage = memoryStorage();
      new TicketStore(storage).save('math-7b', SESSION);
      const key = storage.key(0) ?? '';
      storage.setItem(key, text);
      expect(new TicketStore(storage).load('math-7b'), text).toBeUndefined();
    }
  });

  it('loses the resume and nothing else where storage is forbidden', () => {
    const store = new TicketStore(FORBIDDEN);
    expect(() => store.save('math-7b', SESSION)).not.toThrow();
    expect(store.load('math-7b')).toBeUndefined();
    expect(() => store.forget('math-7b')).not.toThrow();
  });

  it('lives without storage where the browser has none', () => {
    vi.stubGlobal('sessionStorage', undefined);
    const store = new TicketStore();
    store.save('math-7b', SESSION);
    expect(store.load('math-7b')).toBeUndefined();
    vi.unstubAllGlobals();
  });

  it('uses the storage of the tab, unless given another', () => {
    const tab = memoryStorage();
    vi.stubGlobal('sessionStorage', tab);
    new TicketStore().save('math-7b', SESSION);
    expect(new TicketStore(tab).load('math-7b')).toEqual(SESSION);
    vi.unstubAllGlobals();
  });
});
