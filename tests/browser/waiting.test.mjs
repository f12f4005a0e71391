// In line at eight o'clock, and in class while the node is short of something: what the page says. The
// node's words come from the test; that a node says them is for its own tests.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isAccessible } from './harness/accessible.mjs';
import { launchChromium, newPerson } from './harness/chromium.mjs';
import { Door } from './harness/door.mjs';
import { FirstbellNode } from './harness/node.mjs';
import { byTestId } from './harness/person.mjs';
import { sleep, until } from './harness/poll.mjs';

const ROOM = 'physics-8a';
const PLACE = 'the place of the test';
/** Messages come once a second at most; the words for screen readers do not. */
const QUEUE_MS = 6_000;

describe('somebody who has to wait', () => {
  /** @type {FirstbellNode} */
  let node;
  /** @type {import('playwright-core').Browser} */
  let browser;

  before(async () => {
    node = await FirstbellNode.start();
    browser = await launchChromium();
  });
  after(async () => {
    await browser?.close();
    await node?.stop();
  });

  for (const [locale, words] of /** @type {const} */ ([
    ['en-GB', { number: /number\s12 in line/, minutes: /in about 2 minutes/, kept: /place is kept/, next: /next in line/ }],
    ['de-DE', { number: /Nummer\s12 in der Schlange/, minutes: /In etwa 2 Minuten/, kept: /Platz bleibt dir/, next: /als Nächstes/ }],
  ])) {
    it(`knows the place and the time, and keeps the place when sent away, ${locale}`, async () => {
      const anna = await newPerson(browser, 'Anna', { locale });
      const door = await Door.inFrontOf(anna.page, { shut: true });
      await anna.fillForm(node.origin, { room: `${ROOM} ${locale}` });
      await anna.click('join-button');

      const { id: first, place: none } = await door.asked(1);
      assert.equal(none, undefined);
      door.says({ type: 'queued', re: first, position: 12, eta_ms: 100_000 });
      await anna.isThere('turn');
      assert.match(await anna.text('turn'), words.number);
      assert.match(await anna.text('turn'), words.minutes);
      assert.match(await anna.text('entering'), words.kept);
      await isAccessible(anna.page, `in line, ${locale}`);

      // From here on every screen is written down: none but this one is shown until the class.
      await anna.page.evaluate(() => {
        globalThis.__gone = 0;
        const look = () => {
          const inLine = document.querySelector('[data-testid=turn], [data-testid=classroom]');
          if (inLine === null) globalThis.__gone += 1;
        };
        new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
      });
      door.says({ type: 'refused', re: first, code: 'overloaded', message: '', retry_after_ms: 2_000, place: PLACE });
      await until('the number is gone', async () => (await anna.attribute('turn', 'data-position')) === null);
      assert.match(await anna.text('entering'), words.kept);
      await isAccessible(anna.page, `sent away with a place, ${locale}`);

      const { id: second, place } = await door.asked(2);
      assert.equal(place, PLACE);
      door.says({ type: 'queued', re: second, position: 1, eta_ms: 4_000 });
      await until('the number is back', async () => words.next.test(await anna.text('turn')));
      assert.equal(await anna.page.evaluate(() => globalThis.__gone), 0);
      door.open();
      await anna.isConnected();
      await anna.page.context().close();
    });
  }

  it('is not told by the screen reader of every step', async () => {
    const anna = await newPerson(browser, 'Anna');
    const door = await Door.inFrontOf(anna.page, { shut: true });
    await anna.fillForm(node.origin, { room: ROOM });
    await anna.click('join-button');
    const { id } = await door.asked(1);
    door.says({ type: 'queued', re: id, position: 40, eta_ms: 50_000 });
    await until('the place is said', async () => /number\s40/.test(await anna.text('turn-said')));
    await anna.page.evaluate((region) => {
      globalThis.__said = 0;
      const changed = () => (globalThis.__said += 1);
      new MutationObserver(changed).observe(document.querySelector(region), {
        characterData: true,
        childList: true,
        subtree: true,
      });
    }, byTestId('turn-said'));
    for (let step = 1; step <= QUEUE_MS / 500; step += 1) {
      door.says({ type: 'queued', re: id, position: 40 - step, eta_ms: 50_000 - step * 500 });
      await sleep(500);
    }
    assert.match(await anna.text('turn'), /number\s28/);
    assert.equal(await anna.page.evaluate(() => globalThis.__said), 0);
    await anna.page.context().close();
  });

  it('is told in class what a busy node cannot give, and when it can again', async () => {
    const room = { room: `${ROOM} busy`, max_participants: 40 };
    const [anna, ben] = [await newPerson(browser, 'Anna'), await newPerson(browser, 'Ben', { locale: 'de-DE' })];
    const doors = [await Door.inFrontOf(anna.page, { shut: false }), await Door.inFrontOf(ben.page, { shut: false })];
    await anna.join(node.origin, { room: room.room, role: 'teacher' });
    await ben.join(node.origin, { room: room.room });
    await anna.sees(await ben.id());
    await ben.sees(await anna.id());
    for (const level of ['thumbnails_limited', 'speakers_only', 'audio_only', 'queue']) {
      for (const door of doors) door.says({ type: 'room', room: { ...room, service: level } });
      for (const person of [anna, ben]) {
        await until(`${level} is said`, async () => (await person.attribute('service', 'data-level')) === level);
      }
      assert.match(await anna.text('service'), /^The server is very busy/);
      assert.match(await ben.text('service'), /^Der Server ist sehr ausgelastet/);
    }
    await isAccessible(anna.page, 'a busy node');
    for (const door of doors) door.says({ type: 'room', room });
    for (const person of [anna, ben]) await until('gone', async () => !(await person.shows('service')));
    await until('said', async () => /All pictures/.test(await anna.text('announcer')));
    for (const person of [anna, ben]) await person.page.context().close();
  });
});
