/** Browsers by where a person finds the permission for camera and microphone. */
export type BrowserFamily = 'chrome' | 'android' | 'firefox' | 'safari' | 'ios' | 'other';

/**
 * Only for help texts: what a browser *can* is asked of it, never guessed from its name. An iPad says
 * that it is a Mac, but has fingers.
 */
export function browserFamily(userAgent: string, maxTouchPoints: number): BrowserFamily {
  const has = (part: string): boolean => userAgent.includes(part);
  if (has('iPhone') || has('iPad') || (has('Macintosh') && maxTouchPoints > 1)) return 'ios';
  if (has('Android')) return has('Firefox/') ? 'firefox' : 'android';
  if (has('Firefox/')) return 'firefox';
  if (has('Chrome/')) return 'chrome';
  return has('Safari/') ? 'safari' : 'other';
}
