import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { actionOf, KEYS, type Actions } from './shortcuts';

/** An element as far as the shortcuts look: what it and what it stands in is. */
class FakeElement {
  readonly #within: readonly string[];

  constructor(...within: readonly string[]) {
    this.#within = within;
  }

  closest(selector: string): FakeElement | null {
    return selector.split(', ').some((part) => this.#within.includes(part)) ? this : null;
  }
}

beforeEach(() => vi.stubGlobal('Element', FakeElement));
afterEach(() => vi.unstubAllGlobals());

function pressed(key: string, differs: object = {}): keyof Actions | undefined {
  const plain = { repeat: false, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false };
  const event = { key, target: new FakeElement('button'), ...plain, ...differs };
  return actionOf(event as unknown as KeyboardEvent);
}

describe('a single key', () => {
  it('does what the list of shortcuts says', () => {
    for (const [action, key] of Object.entries(KEYS)) expect(pressed(key)).toBe(action);
  });

  it('does it as a small letter too', () => {
    expect(pressed('m')).toBe('microphone');
    expect(pressed('v')).toBe('camera');
  });

  it('does one thing only', () => {
    expect(new Set(Object.values(KEYS)).size).toBe(Object.keys(KEYS).length);
  });

  it('may need Shift, as ? does on many keyboards', () => {
    expect(pressed('?', { shiftKey: true })).toBe('settings');
  });

  it('does nothing if it is no shortcut', () => {
    for (const key of ['x', 'Escape', 'Enter', ' ', 'F5', 'Dead']) expect(pressed(key)).toBeUndefined();
  });

  it('leaves the browser its own shortcuts', () => {
    for (const modifier of ['ctrlKey', 'metaKey', 'altKey']) {
      expect(pressed('s', { [modifier]: true }), modifier).toBeUndefined();
    }
  });

  it('held down does it once, not over and over', () => {
    expect(pressed('m', { repeat: true })).toBeUndefined();
  });

  it('is a letter where somebody types', () => {
    for (const place of ['input', 'select', 'textarea', '[contenteditable]', 'dialog']) {
      expect(pressed('m', { target: new FakeElement(place) }), place).toBeUndefined();
    }
  });

  it('works when no element has the focus', () => {
    expect(pressed('m', { target: null })).toBe('microphone');
  });
});
