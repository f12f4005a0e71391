import { useEffect, useRef, useState } from 'preact/hooks';

import { recall, remember } from '../storage';

/** What a single key or a button of the bar does. */
export interface Actions {
  readonly microphone: () => void;
  readonly camera: () => void;
  readonly screen: () => void;
  readonly people: () => void;
  readonly settings: () => void;
}

export const KEYS: Readonly<Record<keyof Actions, string>> = {
  microphone: 'M',
  camera: 'V',
  screen: 'S',
  people: 'P',
  settings: '?',
};

export interface Shortcuts {
  readonly enabled: boolean;
  readonly enable: (enabled: boolean) => void;
}

/**
 * Single keys in class. They can be switched off: people who steer by voice or by other aids press
 * letters without meaning to (WCAG 2.1.4).
 */
export function useShortcuts(actions: Actions): Shortcuts {
  const [enabled, setEnabled] = useState(() => recall('local', 'shortcuts', true, isBoolean));
  const current = useRef(actions);
  current.current = actions;
  useEffect(() => {
    if (!enabled) return undefined;
    const press = (event: KeyboardEvent): void => {
      const action = actionOf(event);
      if (action === undefined) return;
      event.preventDefault();
      current.current[action]();
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  }, [enabled]);
  const enable = (next: boolean): void => {
    setEnabled(next);
    remember('local', 'shortcuts', next);
  };
  return { enabled, enable };
}

/** `undefined` while somebody types, holds a key down or presses it with another one. */
export function actionOf(event: KeyboardEvent): keyof Actions | undefined {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return undefined;
  const target = event.target instanceof Element ? event.target : null;
  if (target?.closest('input, select, textarea, dialog, [contenteditable]') != null) {
    return undefined;
  }
  const key = event.key.toUpperCase();
  return (Object.keys(KEYS) as (keyof Actions)[]).find((action) => KEYS[action] === key);
}

function isBoolean(value: unknown): value is boolean {
  return typeof value === 'boolean';
}
