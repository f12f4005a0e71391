import { createContext, type ComponentChildren } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';

import { de } from './de';
import { en, type Dictionary } from './en';

export type { Dictionary };

/** To add a language: write its file, add it here. */
export const LANGUAGES = { de: { name: 'Deutsch', texts: de }, en: { name: 'English', texts: en } };
export type Language = keyof typeof LANGUAGES;

const STORED = 'firstbell.language';

interface LanguageChoice {
  readonly language: Language;
  readonly t: Dictionary;
  readonly choose: (language: Language) => void;
}

const Context = createContext<LanguageChoice>({ language: 'en', t: en, choose: () => undefined });

export function LanguageProvider({ children }: { children: ComponentChildren }) {
  const [language, setLanguage] = useState<Language>(initialLanguage);
  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
  const choose = (next: Language): void => {
    setLanguage(next);
    try {
      localStorage.setItem(STORED, next);
    } catch {
      // Storage is forbidden: the choice lasts as long as the page.
    }
  };
  return (
    <Context.Provider value={{ language, t: LANGUAGES[language].texts, choose }}>
      {children}
    </Context.Provider>
  );
}

export function useLanguage(): LanguageChoice {
  return useContext(Context);
}

export function useTexts(): Dictionary {
  return useContext(Context).t;
}

function initialLanguage(): Language {
  let stored: string | null = null;
  try {
    stored = localStorage.getItem(STORED);
  } catch {
    // As if nothing was chosen.
  }
  return pickLanguage(stored, navigator.languages);
}

/** What was chosen before, else the first of the browser's languages we have, else English. */
export function pickLanguage(stored: string | null, preferred: readonly string[]): Language {
  for (const candidate of [stored ?? '', ...preferred]) {
    const short = candidate.slice(0, 2).toLowerCase();
    if (short in LANGUAGES) return short as Language;
  }
  return 'en';
}
