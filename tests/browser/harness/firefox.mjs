// Debian's Firefox as it is, through WebDriver BiDi (Playwright would need a patched build).

import puppeteer from 'puppeteer-core';
import { installInstruments } from './instruments.mjs';
import { Person } from './person.mjs';

const EXECUTABLE = process.env.FIREFOX ?? '/usr/bin/firefox-esr';

const PREFERENCES = {
  // A picture that changes its colour, a tone; no questions.
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  // The node announces the addresses of this machine only.
  'media.peerconnection.ice.loopback': true,
  'media.autoplay.default': 0,
  'intl.accept_languages': 'en-GB',
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
};

export async function launchFirefox() {
  return puppeteer.launch({
    browser: 'firefox',
    protocol: 'webDriverBiDi',
    executablePath: EXECUTABLE,
    headless: true,
    extraPrefsFirefox: PREFERENCES,
    defaultViewport: { width: 900, height: 640 },
  });
}

/** @param {import('puppeteer-core').Browser} browser @param {string} name */
export async function newFirefoxPerson(browser, name) {
  const page = await browser.newPage();
  await page.evaluateOnNewDocument(installInstruments);
  return new Person(page, name);
}
