// Pictures of the pages beside the class: check, privacy, an encrypted room. Needs a node in development mode:
//   FIRSTBELL_URL=http://localhost:8080 node screens-pages.mjs [folder] [--all]
// Without `--all` only what docs/ keeps.
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';

const URL_OF_NODE = process.env.FIRSTBELL_URL ?? 'http://localhost:8080';
const ALL = process.argv.includes('--all');
const FOLDER =
  process.argv.slice(2).find((argument) => !argument.startsWith('--')) ??
  fileURLToPath(new URL('../../docs/screens', import.meta.url));

const SIZES = {
  phone: { width: 390, height: 844 },
  tablet: { width: 820, height: 1180 },
  desktop: { width: 1440, height: 900 },
};
const KEPT = new Set(['check-desktop-en', 'check-phone-de', 'check-denied-tablet-de', 'encrypted-desktop-en']);

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--use-fake-device-for-media-stream',
    '--use-fake-ui-for-media-stream',
    '--disable-background-networking',
    '--no-first-run',
  ],
});

async function open(size, locale, path = '/') {
  const context = await browser.newContext({ viewport: SIZES[size], locale });
  const page = await context.newPage();
  await page.goto(URL_OF_NODE + path);
  return page;
}

async function shoot(page, name) {
  if (ALL || KEPT.has(name)) {
    await page.mouse.move(2, 2);
    await page.evaluate(() => window.scrollTo(0, 0));
    await page.waitForTimeout(400);
    await page.screenshot({ path: `${FOLDER}/${name}.png`, fullPage: true });
    console.log(name);
  }
}

await mkdir(FOLDER, { recursive: true });
try {
  for (const locale of ['en-GB', 'de-DE']) {
    const language = locale.slice(0, 2);
    for (const size of Object.keys(SIZES)) {
      const page = await open(size, locale, '/check');
      await page.getByTestId('start-check').waitFor();
      await shoot(page, `check-start-${size}-${language}`);
      await page.getByTestId('start-check').click();
      await page.getByTestId('play-tone').click();
      await page.getByTestId('tone-heard').click();
      await page.locator('[data-testid=check-line] [data-testid=finding]').first().waitFor({ timeout: 60_000 });
      await shoot(page, `check-${size}-${language}`);
      await page.goto(`${URL_OF_NODE}/privacy`);
      await page.getByTestId('privacy').waitFor();
      await shoot(page, `privacy-${size}-${language}`);
      await page.goto(URL_OF_NODE);
      await page.getByTestId('encryption-toggle').click();
      await shoot(page, `encryption-choice-${size}-${language}`);
      await page.getByTestId('name-input').fill('Ms Becker');
      // One for each picture: whoever was there before is shown as lost for a while.
      await page.getByTestId('room-input').fill(`ethics-10a ${size} ${language}`);
      await page.getByTestId('join-button').click();
      await page.locator('[data-testid=classroom][data-connection=connected]').waitFor();
      await shoot(page, `encrypted-class-${size}-${language}`);
      await page.getByTestId('encryption-lock').click();
      await shoot(page, `encrypted-${size}-${language}`);
      await page.context().close();
    }
    const denied = await browser.newContext({ viewport: SIZES.tablet, locale });
    await denied.addInitScript(() => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError'));
    });
    const page = await denied.newPage();
    await page.goto(`${URL_OF_NODE}/check`);
    await page.getByTestId('start-check').click();
    await page.getByTestId('check-camera').locator('summary').click();
    await page.locator('[data-testid=check-line] [data-testid=finding]').first().waitFor({ timeout: 60_000 });
    await shoot(page, `check-denied-tablet-${language}`);
    await denied.close();
  }
} finally {
  await browser.close();
}
