// One Chromium process for a test file; each person is a context of it, as separate as browsers.

import { chromium } from 'playwright-core';
import { installInstruments } from './instruments.mjs';
import { Person } from './person.mjs';
import { PATIENCE_MS } from './poll.mjs';

const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium';

const FLAGS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  // Several people's pages are "in the background" at once here; none may be slowed down for it.
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
];
/**
 * A moving test picture and a tone; sharing "the screen" shares the person's own page, which is a
 * real picture that changes. Permissions and pickers answer yes.
 */
const FAKE_DEVICES = [
  '--use-fake-device-for-media-stream=display-media-type=browser',
  '--use-fake-ui-for-media-stream',
];

/** Every tile of a small class fits: browsers pause a muted video that is out of sight. */
const WINDOW = { width: 900, height: 640 };

/** @param {{ devices?: boolean, flags?: string[] }} [options] `devices: false`: a computer without any */
export async function launchChromium({ devices = true, flags = [] } = {}) {
  return chromium.launch({
    executablePath: EXECUTABLE,
    // Playwright's own headless is another program; the flag says it.
    headless: false,
    args: devices ? [...FLAGS, ...FAKE_DEVICES, ...flags] : [...FLAGS, ...flags],
  });
}

/**
 * A page as a person of their own.
 *
 * @param {import('playwright-core').Browser} browser
 * @param {string} name
 * @param {import('playwright-core').BrowserContextOptions} [options]
 */
export async function newPerson(browser, name, options = {}) {
  const context = await browser.newContext({ viewport: WINDOW, locale: 'en-GB', ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  await context.addInitScript(installInstruments);
  return new Person(await context.newPage(), name);
}
