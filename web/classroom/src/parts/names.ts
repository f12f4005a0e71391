/** What may stand for a name: letters, digits and emoji, but no bracket, quote or dash. */
const TELLING = /[\p{L}\p{N}\p{Extended_Pictographic}]/u;

/** One or two letters that stand for a name: first and last word, by what people see as letters. */
export function initials(name: string): string {
  const letters = name.split(/\s+/).flatMap(firstLetter);
  const [first = '?'] = letters;
  const last = letters.length > 1 ? letters.at(-1) : '';
  return `${first}${last}`.toLocaleUpperCase();
}

/** None for a word that is all punctuation. */
function firstLetter(word: string): readonly string[] {
  const characters = new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(word);
  for (const { segment } of characters) if (TELLING.test(segment)) return [segment];
  return [];
}

/** How many colours `avatar-<n>` the styles have. */
export const AVATAR_COLOURS = 8;

/** The same colour for the same person on every screen. */
export function avatarColour(participant: string): number {
  let hash = 0;
  for (const character of participant) hash = (hash * 31 + character.charCodeAt(0)) >>> 0;
  return hash % AVATAR_COLOURS;
}
