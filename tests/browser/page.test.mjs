// The page itself: languages, the keyboard, computers without devices.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { launchChromium, newPerson } from './harness/chromium.mjs';
import { chooseOption } from './harness/instruments.mjs';
import { FirstbellNode } from './harness/node.mjs';
import { byTestId } from './harness/person.mjs';
import { until } from './harness/poll.mjs';

const ROOM = 'music-6d';
/** More Tab presses than the page has things to stop at. */
const MAX_TABS = 40;

describe('the page', () => {
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

  it('says that it is in development mode', async () => {
    const anna = await newPerson(browser, 'Anna');
    await anna.page.goto(node.origin);
    await anna.isThere('dev-banner');
    await anna.page.context().close();
  });

  it('speaks the language of the browser, and the one chosen, also after a reload', async () => {
    const anna = await newPerson(browser, 'Anna', { locale: 'de-DE' });
    const language = () => anna.page.evaluate(() => document.documentElement.lang);
    await anna.page.goto(node.origin);
    await anna.isThere('join-button');
    assert.equal(await language(), 'de');
    const german = await anna.text('join-button');
    assert.match(german, /Teilnehmen/);

    await anna.page.evaluate(chooseOption, { selector: byTestId('language-select'), value: 'en' });
    await until('English', async () => (await language()) === 'en');
    assert.match(await anna.text('join-button'), /Join/);
    await anna.page.reload();
    await anna.isThere('join-button');
    assert.equal(await language(), 'en');
    assert.match(await anna.text('join-button'), /Join/);

    await anna.page.evaluate(chooseOption, { selector: byTestId('language-select'), value: 'de' });
    await until('German', async () => (await language()) === 'de');
    assert.equal(await anna.text('join-button'), german);
    await anna.page.context().close();
  });

  it('can be used by keyboard alone', async () => {
    const [anna, ben] = [await newPerson(browser, 'Anna'), await newPerson(browser, 'Ben')];
    await anna.join(node.origin, { room: ROOM });

    await ben.page.goto(node.origin);
    await ben.isThere('name-input');
    const { keyboard } = ben.page;
    const focused = () =>
      ben.page.evaluate(() => document.activeElement?.closest('[data-testid]')?.dataset.testid);
    const tabTo = async (/** @type {string} */ testId) => {
      for (let tabs = 0; tabs < MAX_TABS; tabs += 1) {
        if ((await focused()) === testId) return;
        await keyboard.press('Tab');
      }
      assert.fail(`Tab never reached ${testId}`);
    };
    for (const [field, text] of [['name-input', 'Ben'], ['room-input', ROOM]]) {
      await tabTo(field);
      await keyboard.press('Control+A');
      for (const letter of text) await keyboard.press(letter);
    }
    await tabTo('join-button');
    await keyboard.press('Enter');
    await ben.isConnected();
    const benId = await ben.id();
    await anna.sees(benId);

    const micIs = (/** @type {string} */ pressed) =>
      until(`microphone ${pressed}`, async () => (await ben.attribute('microphone-button', 'aria-pressed')) === pressed);
    await micIs('true');
    await tabTo('microphone-button');
    await keyboard.press('Space');
    await micIs('false');
    await keyboard.press('Enter');
    await micIs('true');
    await keyboard.press('m');
    await micIs('false');
    await until('the change is announced', async () => (await ben.text('announcer')) !== '');
    await keyboard.press('m');
    await micIs('true');

    await tabTo('camera-button');
    await keyboard.press('Space');
    await until('no picture of Ben', async () => (await anna.tile(benId))?.video === 'off');
    await tabTo('leave-button');
    await keyboard.press('Enter');
    await ben.isThere('left');
    await until('no more tile', async () => !(await anna.tile(benId)));
    await Promise.all([anna, ben].map((person) => person.page.context().close()));
  });

  it('lets in who has no camera and no microphone, and says what is missing', async () => {
    const anna = await newPerson(browser, 'Anna');
    await anna.join(node.origin, { room: ROOM });
    const bare = await launchChromium({ devices: false });
    try {
      const dora = await newPerson(bare, 'Dora', { locale: 'de-DE' });
      await dora.fillForm(node.origin, { room: ROOM });
      await until('the warnings', async () => {
        const shown = await warnings(dora);
        return ['camera', 'microphone'].every((kind) =>
          shown.some((warning) => warning.kind === kind && warning.reason === 'missing'),
        );
      });
      const texts = (await warnings(dora)).map((warning) => warning.text).join(' ');
      assert.match(texts, /Keine Kamera gefunden/);
      assert.match(texts, /Kein Mikrofon gefunden/);
      await dora.click('join-button');
      await dora.isConnected();
      const [annaId, doraId] = [await anna.id(), await dora.id()];
      await dora.sees(annaId);
      await dora.hears();
      await until('her tile without picture', async () => (await anna.tile(doraId))?.video === 'off');
    } finally {
      await bare.close();
    }
    await anna.page.context().close();
  });

  it('lets in who denies the camera', async () => {
    // Without the flag that says yes to everything, an unanswered question in a headless browser
    // is a "no".
    const asking = await launchChromium({ devices: false });
    try {
      const dora = await newPerson(asking, 'Dora', { permissions: [] });
      await dora.page.context().addInitScript(() => {
        navigator.mediaDevices.getUserMedia = () =>
          Promise.reject(new DOMException('Permission denied', 'NotAllowedError'));
      });
      await dora.fillForm(node.origin, { room: ROOM });
      await until('the warnings', async () => {
        const shown = await warnings(dora);
        return shown.length > 0 && shown.every((warning) => warning.reason === 'denied');
      });
      await dora.click('join-button');
      await dora.isConnected();
    } finally {
      await asking.close();
    }
  });
});

/** @param {import('./harness/person.mjs').Person} person */
function warnings(person) {
  return person.page.evaluate(() =>
    [...document.querySelectorAll('[data-testid=device-warning]')].map((warning) => ({
      kind: warning.dataset.kind,
      reason: warning.dataset.reason,
      text: warning.textContent.trim(),
    })),
  );
}
