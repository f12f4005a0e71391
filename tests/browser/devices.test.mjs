// Devices that come and go in class, are off on the way in, or whose sound the browser holds back.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { launchChromium, newPerson } from './harness/chromium.mjs';
import { FirstbellNode } from './harness/node.mjs';
import { allSeeAndHearEachOther, byTestId } from './harness/person.mjs';
import { until } from './harness/poll.mjs';

const ROOM = 'sports-7d';

describe('devices', () => {
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

  /** Keeps the tracks that the page opened, to end them as an unplugged device does. */
  const keepTracks = () => {
    const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    globalThis.__opened = [];
    navigator.mediaDevices.getUserMedia = async (constraints) => {
      const stream = await real(constraints);
      globalThis.__opened.push(...stream.getTracks());
      return stream;
    };
  };

  /** @param {import('./harness/person.mjs').Person} person @param {'audio' | 'video'} kind */
  const unplug = (person, kind) =>
    person.page.evaluate((wanted) => {
      const track = globalThis.__opened.findLast((one) => one.kind === wanted && one.readyState === 'live');
      track.stop();
      // A page's own `stop` is silent; a device that goes tells.
      track.dispatchEvent(new Event('ended'));
    }, kind);

  /** @param {import('./harness/person.mjs').Person} person @param {string} kind */
  const notice = (person, kind) =>
    person.page.evaluate(
      (selector) => document.querySelector(selector)?.dataset.reason,
      `${byTestId('device-notice')}[data-kind="${kind}"]`,
    );

  it('an unplugged microphone gives way to another one, and the person is told', async () => {
    const [anna, ben] = await Promise.all(['Anna', 'Ben'].map((name) => newPerson(browser, name)));
    await anna.page.context().addInitScript(keepTracks);
    await anna.join(node.origin, { room: ROOM });
    await ben.join(node.origin, { room: ROOM });
    await ben.click('microphone-button');
    await allSeeAndHearEachOther(ben);
    await unplug(anna, 'audio');
    await until('Anna is told', async () => (await notice(anna, 'microphone')) === 'switched');
    assert.match(await anna.text('device-notice'), /now heard through: Fake/);
    assert.equal(await anna.attribute('microphone-button', 'aria-pressed'), 'true');
    await ben.hears();
    assert.equal(await anna.hasNegotiatedOnce(), 1);

    // Muted, nothing takes over.
    await anna.click('microphone-button');
    await unplug(anna, 'audio');
    await until('Anna is told', async () => (await notice(anna, 'microphone')) === 'unplugged');
    assert.equal(await anna.attribute('microphone-button', 'aria-pressed'), 'false');
    await ben.hearsNothing();
    await anna.click('microphone-button');
    await ben.hears();
    assert.equal(await anna.shows('device-notice'), false);
    await Promise.all([anna, ben].map((person) => person.page.context().close()));
  });

  it('an unplugged camera stays off until it is switched on', async () => {
    const [anna, ben] = await Promise.all(['Anna', 'Ben'].map((name) => newPerson(browser, name)));
    await anna.page.context().addInitScript(keepTracks);
    await anna.join(node.origin, { room: ROOM });
    await ben.join(node.origin, { room: ROOM });
    const id = await anna.id();
    await ben.sees(id);
    await unplug(anna, 'video');
    await until('Anna is told', async () => (await notice(anna, 'camera')) === 'unplugged');
    await until('no picture', async () => (await ben.tile(id))?.video === 'off');
    await anna.click('camera-button');
    await ben.sees(id);
    await Promise.all([anna, ben].map((person) => person.page.context().close()));
  });

  it('are off on the way in where the link says so, and what was switched counts more', async () => {
    const anna = await newPerson(browser, 'Anna');
    const token = node.token({ room: ROOM });
    const url = `${node.url(ROOM, token)}&camera=off&microphone=off`;
    await anna.page.goto(url);
    await anna.isThere('join-button');
    for (const device of ['camera', 'microphone']) {
      assert.equal(await anna.attribute(`${device}-toggle`, 'aria-pressed'), 'false', device);
    }
    await anna.click('camera-toggle');
    await anna.isThere('preview-video');
    await anna.page.reload();
    await anna.isThere('join-button');
    assert.equal(await anna.attribute('camera-toggle', 'aria-pressed'), 'true');
    assert.equal(await anna.attribute('microphone-toggle', 'aria-pressed'), 'false');
    await anna.page.context().close();
  });

  it('sound that the browser holds back is offered, and comes with one press', async () => {
    // A page that uses no device gets no sound before somebody touches it.
    const strict = await launchChromium({ devices: false });
    try {
      const anna = await newPerson(browser, 'Anna');
      await anna.join(node.origin, { room: ROOM });
      const before = await newPerson(strict, 'Ben');
      await before.join(node.origin, { room: ROOM });
      // A browser that starts again restores the tab, which goes straight back into class.
      const [url, notes] = [before.page.url(), await before.page.evaluate(() => ({ ...sessionStorage }))];
      await before.page.close();
      const ben = await newPerson(strict, 'Ben');
      await ben.page.addInitScript((kept) => Object.assign(sessionStorage, kept), notes);
      await ben.page.goto(url);
      // Looked at without Playwright's own questions: they count as somebody touching the page.
      const tab = await ben.page.context().newCDPSession(ben.page);
      await until('the offer', async () => {
        const expression = `document.querySelector('[data-testid=unblock-audio-button]') !== null`;
        return (await tab.send('Runtime.evaluate', { expression })).result.value;
      });
      await ben.click('unblock-audio-button');
      await ben.hears();
      await until('the offer is gone', async () => !(await ben.shows('unblock-audio-button')));
      await anna.page.context().close();
    } finally {
      await strict.close();
    }
  });
});
