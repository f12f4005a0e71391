// Pictures of waiting in line, and of a class on a busy node. The node's words are injected. Needs a
// node in development mode:
//   FIRSTBELL_URL=http://localhost:8080 node screens-waiting.mjs folder
import { mkdir } from 'node:fs/promises';

import { launchChromium } from './harness/chromium.mjs';
import { Door } from './harness/door.mjs';

const URL_OF_NODE = process.env.FIRSTBELL_URL ?? 'http://localhost:8080';
const FOLDER = process.argv.slice(2).find((argument) => !argument.startsWith('--')) ?? '.';
const SIZES = {
  phone: { width: 390, height: 844 },
  tablet: { width: 820, height: 1180 },
  desktop: { width: 1440, height: 900 },
};

await mkdir(FOLDER, { recursive: true });
const browser = await launchChromium();

async function open(size, locale, shut) {
  const context = await browser.newContext({ viewport: SIZES[size], locale });
  const page = await context.newPage();
  return { page, door: await Door.inFrontOf(page, { shut }) };
}

async function fill(page, name, room) {
  await page.goto(URL_OF_NODE);
  await page.getByTestId('name-input').fill(name);
  await page.getByTestId('room-input').fill(room);
  await page.getByTestId('join-button').click();
}

async function shoot(page, name) {
  await page.mouse.move(2, 2);
  await page.waitForTimeout(400);
  await page.screenshot({ path: `${FOLDER}/${name}.png` });
  console.log(name);
}

try {
  for (const locale of ['en-GB', 'de-DE']) {
    for (const size of Object.keys(SIZES)) {
      const name = `${size}-${locale.slice(0, 2)}`;
      const room = `physics-8a ${name}`;
      const ben = await open('tablet', locale, false);
      await fill(ben.page, 'Ben', room);
      const { page, door } = await open(size, locale, true);
      await fill(page, 'Anna', room);
      const { id } = await door.asked(1);
      door.says({ type: 'queued', re: id, position: 12, eta_ms: 18_000 });
      await page.getByTestId('turn').waitFor();
      await shoot(page, `in-line-${name}`);
      door.says({ type: 'refused', re: id, code: 'overloaded', message: '', retry_after_ms: 3_000, place: 'kept' });
      await page.locator('[data-testid=turn]:not([data-position])').waitFor();
      await shoot(page, `place-kept-${name}`);
      await door.asked(2);
      door.open();
      await page.locator('[data-testid=classroom][data-connection=connected]').waitFor();
      door.says({ type: 'room', room: { room, max_participants: 40, service: 'audio_only' } });
      await page.getByTestId('service').waitFor();
      await shoot(page, `busy-node-${name}`);
      for (const one of [page, ben.page]) await one.context().close();
    }
  }
} finally {
  await browser.close();
}
