import { useLanguage, type Language } from '../../i18n';
import { de } from './de';
import { en, type CheckTexts } from './en';

export type { CheckTexts };
export type FindingCode = keyof CheckTexts['findings'];

export const CHECK_TEXTS: Readonly<Record<Language, CheckTexts>> = { de, en };

export function useCheckTexts(): CheckTexts {
  return CHECK_TEXTS[useLanguage().language];
}
