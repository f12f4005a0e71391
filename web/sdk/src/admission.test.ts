import { describe, expect, it } from 'vitest';

import { memoryStorage } from '../test/memory-storage';
import { Admission } from './admission';
import { TicketStore } from './ticket-store';

const TICKET = { participant: 'me', secret: 'of me' };

function granted() {
  const store = new TicketStore(memoryStorage());
  const admission = new Admission(store);
  admission.apply('math-7b', 'a.b.c');
  admission.grant(TICKET);
  return { store, admission };
}

describe('the right to be in a room', () => {
  it('is kept for a reload, of the same room with the same token', () => {
    const { store } = granted();
    const reloaded = new Admission(store);
    reloaded.apply('math-7b', 'a.b.c');
    expect(reloaded.ticket).toEqual(TICKET);
    expect(reloaded.participant).toBe('me');
    for (const [room, token] of [
      ['math-7c', 'a.b.c'],
      ['math-7b', 'another'],
    ] as const) {
      reloaded.apply(room, token);
      expect(reloaded.ticket, `${room} ${token}`).toBeUndefined();
    }
  });

  it('that expires is not there after a reload, but known until then', () => {
    const { store, admission } = granted();
    admission.expire();
    expect(admission.participant).toBe('me');
    expect(store.load('math-7b')).toBeUndefined();
  });

  it('is shown with a join as a whole', () => {
    const { admission } = granted();
    expect(admission.credentials).toEqual({ room: 'math-7b', token: 'a.b.c', resume: TICKET });
    admission.refuse('a place');
    expect(admission.credentials).toMatchObject({ resume: TICKET, place: 'a place' });
    admission.dropTicket();
    expect(admission.credentials).toEqual({ room: 'math-7b', token: 'a.b.c', place: 'a place' });
  });

  it('is gone with its ticket', () => {
    const { store, admission } = granted();
    admission.dropTicket();
    expect(admission.participant).toBeUndefined();
    expect(store.load('math-7b')).toBeUndefined();
  });
});

describe('a kept place', () => {
  function sentAway() {
    const admission = new Admission(new TicketStore(memoryStorage()));
    admission.apply('math-7b', 'a.b.c');
    admission.refuse('a place');
    return admission;
  }

  it('is shown again after another try for the same, and for nothing else', () => {
    const admission = sentAway();
    admission.apply('math-7b', 'a.b.c');
    expect(admission.credentials.place).toBe('a place');
    for (const [room, token] of [
      ['math-7c', 'a.b.c'],
      ['math-7b', 'another'],
    ] as const) {
      const other = sentAway();
      other.apply(room, token);
      expect(other.credentials.place, `${room} ${token}`).toBeUndefined();
    }
  });

  it('is worth nothing once its owner is in, or was sent away without one', () => {
    const inside = sentAway();
    inside.grant(TICKET);
    expect(inside.credentials.place).toBeUndefined();
    const without = sentAway();
    without.refuse(undefined);
    expect(without.credentials.place).toBeUndefined();
  });
});
