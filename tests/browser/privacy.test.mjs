// What the privacy page promises: nothing from third parties, no cookies, few notes in the browser.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { launchChromium, newPerson } from './harness/chromium.mjs';
import { FirstbellNode } from './harness/node.mjs';
import { until } from './harness/poll.mjs';

/** Everything the page may keep, by what `/privacy` says of it. */
const KEPT = {
  localStorage: [
    'firstbell.language',
    'firstbell.devices',
    'firstbell.blur',
    'firstbell.dataUse',
    'firstbell.shortcuts',
  ],
  sessionStorage: ['firstbell.media', 'firstbell.place', /^firstbell\.session\./],
};

describe('privacy', () => {
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

  it('a whole visit asks nobody but the node, sets no cookie and keeps only what it says', async () => {
    const anna = await newPerson(browser, 'Anna');
    const { page } = anna;
    const context = page.context();
    /** @type {string[]} */
    const asked = [];
    /** @type {string[]} */
    const cookies = [];
    context.on('request', (request) => asked.push(request.url()));
    page.on('websocket', (socket) => asked.push(socket.url()));
    context.on('response', async (response) => {
      const { 'set-cookie': cookie } = await response.allHeaders().catch(() => ({}));
      if (cookie !== undefined) cookies.push(`${response.url()}: ${cookie}`);
    });

    await page.goto(`${node.origin}/check`);
    await anna.isThere('start-check');
    await anna.click('start-check');
    await until('the line is measured', () => anna.shows('line-figures'), 60_000);
    await page.goto(`${node.origin}/privacy`);
    await anna.isThere('privacy');
    await anna.fillForm(node.origin, { room: 'ethics-9a', role: 'teacher' });
    await anna.click('encryption-toggle');
    await anna.click('join-button');
    await anna.isConnected();
    await anna.click('settings-button');
    await page.selectOption('[data-testid=settings] [data-testid=language-select]', 'de');
    await page.keyboard.press('Escape');
    await anna.click('microphone-button');
    await page.reload();
    await anna.isConnected();
    await anna.leave();

    const hosts = new Set(asked.filter((url) => !/^(data|blob):/.test(url)).map((url) => new URL(url).host));
    assert.deepEqual([...hosts], [new URL(node.origin).host]);
    assert.ok(asked.some((url) => url.startsWith('ws')), 'the socket was watched as well');
    assert.ok(asked.some((url) => url.includes('worker')), 'and the worker');
    assert.ok(!asked.some((url) => url.includes('key=')), 'the key went to nobody');
    assert.deepEqual(cookies, []);
    assert.deepEqual(await context.cookies(), []);
    assert.equal(await page.evaluate(() => document.cookie), '');
    const notes = await page.evaluate(async () => ({
      localStorage: Object.keys(localStorage),
      sessionStorage: Object.keys(sessionStorage),
      databases: (await indexedDB.databases()).map(({ name }) => name),
      caches: await caches.keys(),
      workers: (await navigator.serviceWorker.getRegistrations()).length,
    }));
    for (const [storage, allowed] of Object.entries(KEPT)) {
      const unknown = notes[storage].filter(
        (/** @type {string} */ key) => !allowed.some((one) => (one instanceof RegExp ? one.test(key) : one === key)),
      );
      assert.deepEqual(unknown, [], storage);
    }
    assert.ok(notes.localStorage.length > 0, 'the notes were looked at');
    assert.deepEqual({ databases: notes.databases, caches: notes.caches, workers: notes.workers }, { databases: [], caches: [], workers: 0 });
    await context.close();
  });

  it('the privacy page is found from the start, and speaks both languages', async () => {
    for (const [locale, text] of [['de-DE', /Keine Cookies/], ['en-GB', /No cookies/]]) {
      const anna = await newPerson(browser, 'Anna', { locale });
      await anna.page.goto(node.origin);
      await anna.isThere('join-button');
      await anna.page.click('a[href="/privacy"]');
      await anna.isThere('privacy');
      assert.match(await anna.text('privacy'), text);
      await anna.page.context().close();
    }
  });
});
