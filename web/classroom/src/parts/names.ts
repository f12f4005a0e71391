/** One or two letters that stand for a name: first and last word, by what people see as letters. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter((word) => word !== '');
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined].map(firstLetter);
  return letters.join('').toLocaleUpperCase() || '?';
}

function firstLetter(word: string | undefined): string {
  if (word === undefined) return '';
  const [first] = new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(word);
  return first?.segment ?? '';
}

/** How many colours `avatar-<n>` the styles have. */
export const AVATAR_COLOURS = 8;

/** The same colour for the same person on every screen. */
export function avatarColour(participant: string): number {
  let hash = 0;
  for (const character of participant) hash = (hash * 31 + character.charCodeAt(0)) >>> 0;
  return hash % AVATAR_COLOURS;
}
