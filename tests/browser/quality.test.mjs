// What a person hears of the own connection, and what the page asks of the node for it.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { launchChromium, newPerson } from './harness/chromium.mjs';
import { chooseOption } from './harness/instruments.mjs';
import { FirstbellNode } from './harness/node.mjs';
import { byTestId } from './harness/person.mjs';
import { until } from './harness/poll.mjs';

const ROOM = 'physics-9c';
const SMALL_WINDOW = { width: 420, height: 360 };

describe('the own connection', () => {
  /** @type {FirstbellNode} */
  let node;
  /** @type {import('playwright-core').Browser} */
  let browser;
  /** @type {import('./harness/person.mjs').Person} */
  let anna;
  /** @type {import('./harness/person.mjs').Person} */
  let ben;
  let benId = '';

  before(async () => {
    node = await FirstbellNode.start();
    browser = await launchChromium();
    anna = await newPerson(browser, 'Anna Ahrens');
    ben = await newPerson(browser, 'Ben Bauer');
    await anna.join(node.origin, { room: ROOM });
    await ben.join(node.origin, { room: ROOM });
    benId = await ben.id();
  });
  after(async () => {
    await browser?.close();
    await node?.stop();
  });

  const chooseDataUse = async (/** @type {string} */ value) => {
    await anna.click('quality-button');
    await anna.isThere('data-use-select');
    await anna.page.evaluate(chooseOption, { selector: byTestId('data-use-select'), value });
    await anna.page.keyboard.press('Escape');
  };

  it('is told in words, in the bar and in the settings', async () => {
    await anna.isThere('quality-button');
    const level = await anna.attribute('quality-button', 'data-level');
    assert.ok(['good', 'weak', 'bad'].includes(level), level);
    assert.match(await anna.attribute('quality-button', 'aria-label'), /connection\. .+\./);
    await anna.click('quality-button');
    await anna.isThere('quality-summary');
    assert.match(await anna.text('quality-summary'), /connection/);
    await anna.page.keyboard.press('Escape');
  });

  it('is used for pictures in the size in which they are shown', async () => {
    await anna.sees(benId);
    const height = async () => {
      const wants = await anna.wants();
      const tile = wants?.tiles.find((one) => one.participant === benId && one.source === 'camera');
      return tile?.height ?? 0;
    };
    const large = await until('the size of a large tile', async () => (await height()) || undefined);
    const window = anna.page.viewportSize();
    await anna.page.setViewportSize(SMALL_WINDOW);
    await until('the size of a small tile', async () => {
      const small = await height();
      return small > 0 && small < large;
    });
    await anna.page.setViewportSize(window);
    await until('the size of before', async () => (await height()) === large);
  });

  it('carries sound only for who wants no pictures, also after a reload', async () => {
    await anna.sees(benId);
    await chooseDataUse('sound');
    await anna.isThere('tile-paused');
    await anna.seesNothing();
    await anna.hears();
    await anna.page.reload();
    await anna.isConnected();
    await anna.isThere('sound-only');
    await anna.seesNothing();
    await anna.hears();
    await ben.sees(await anna.id());
    await chooseDataUse('full');
    await anna.sees(benId);
    assert.equal(await anna.shows('sound-only'), false);
  });
});
