// A lesson from the first bell to the last, in the served page. The steps build on each other: one
// room, three people, the same connections all the way.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { launchChromium, newPerson } from './harness/chromium.mjs';
import { FirstbellNode } from './harness/node.mjs';
import { allSeeAndHearEachOther } from './harness/person.mjs';
import { until } from './harness/poll.mjs';

/** The product's own promise: a late pupil's first picture, from the click on "join". */
const FIRST_PICTURE_MS = 2_000;
/** A silent socket is noticed after two and a half of these. */
const HEARTBEAT_SECONDS = 2;
const ROOM = 'math-7b';

describe('a lesson', () => {
  /** @type {FirstbellNode} */
  let node;
  /** @type {import('playwright-core').Browser} */
  let browser;
  /** @type {Record<'anna' | 'ben' | 'cleo', import('./harness/person.mjs').Person>} */
  let people;
  /** @type {Record<'anna' | 'ben' | 'cleo', string>} */
  const ids = { anna: '', ben: '', cleo: '' };

  before(async () => {
    node = await FirstbellNode.start({ signaling: { heartbeat_seconds: HEARTBEAT_SECONDS } });
    browser = await launchChromium();
    people = {
      anna: await newPerson(browser, 'Anna Ahrens'),
      ben: await newPerson(browser, 'Ben Bauer'),
      cleo: await newPerson(browser, 'Cleo Conrad'),
    };
  });
  after(async () => {
    await browser?.close();
    await node?.stop();
  });

  it('two people see and hear each other', async () => {
    const { anna, ben } = people;
    await anna.join(node.origin, { room: ROOM, role: 'teacher' });
    await ben.join(node.origin, { room: ROOM });
    [ids.anna, ids.ben] = [await anna.id(), await ben.id()];
    assert.notEqual(ids.anna, ids.ben);
    await allSeeAndHearEachOther(anna, ben);
    assert.match((await anna.tile(ids.ben)).text, /Ben Bauer/);
    assert.match((await ben.tile(ids.anna)).text, /Anna Ahrens/);
  });

  it('a third who joins late has a picture within two seconds', async () => {
    const { anna, ben, cleo } = people;
    await cleo.fillForm(node.origin, { room: ROOM });
    await cleo.isThere('preview-video');
    await cleo.click('join-button');
    const delay = await cleo.firstFrameDelay();
    console.log(`first picture after ${Math.round(delay)} ms`);
    assert.ok(delay < FIRST_PICTURE_MS, `the first picture took ${Math.round(delay)} ms`);
    await cleo.isConnected();
    ids.cleo = await cleo.id();
    await allSeeAndHearEachOther(anna, ben, cleo);
    for (const person of [anna, ben, cleo]) {
      await person.openRoster();
      await person.hasRoster(Object.values(ids));
      assert.ok((await person.roster()).every((item) => item.present));
    }
  });

  it('a camera that is turned off and on again', async () => {
    const { anna, ben, cleo } = people;
    await ben.click('camera-button');
    for (const other of [anna, cleo]) {
      await until('the tile without picture', async () => (await other.tile(ids.ben))?.video === 'off');
    }
    await anna.sees(ids.cleo);
    await ben.click('camera-button');
    for (const other of [anna, cleo]) {
      await until('the tile with picture', async () => (await other.tile(ids.ben))?.video === 'on');
      await other.sees(ids.ben);
    }
  });

  it('a screen is shared and seen by the others, then no longer', async () => {
    const { anna, ben, cleo } = people;
    await anna.click('screen-button');
    for (const other of [ben, cleo]) await other.sees(ids.anna, 'screen');
    assert.equal(await anna.attribute('screen-button', 'aria-pressed'), 'true');
    // The camera goes on beside it.
    await ben.sees(ids.anna);
    await anna.click('screen-button');
    for (const other of [ben, cleo]) {
      await until('no more screen', async () => !(await other.tile(ids.anna, 'screen')));
      await other.sees(ids.anna);
    }
  });

  it('a reloaded page comes back as the same person, and nobody saw it go', async () => {
    const { anna, ben, cleo } = people;
    assert.equal(await ben.hasNegotiatedOnce(), 1);
    for (const other of [anna, cleo]) await other.watchRoster();
    await ben.page.reload();
    await ben.isConnected();
    assert.equal(await ben.id(), ids.ben);
    await allSeeAndHearEachOther(anna, ben, cleo);
    for (const other of [anna, cleo]) {
      assert.equal(await other.shortestRoster(), 3);
      await other.hasRoster(Object.values(ids));
    }
  });

  it('who leaves is gone for the others, who go on', async () => {
    const { anna, ben, cleo } = people;
    await cleo.leave();
    for (const other of [anna, ben]) {
      await until('no more tile', async () => !(await other.tile(ids.cleo)));
      await other.openRoster();
      await other.hasRoster([ids.anna, ids.ben]);
    }
    await allSeeAndHearEachOther(anna, ben);
  });

  it('a microphone that is muted is silent, and heard again after', async () => {
    const { anna, ben } = people;
    await ben.click('microphone-button');
    assert.equal(await ben.attribute('microphone-button', 'aria-pressed'), 'false');
    await anna.hearsNothing();
    await ben.hears();
    await ben.click('microphone-button');
    await anna.hears();
  });

  it('nobody renegotiated: one offer and one answer per connection', async () => {
    for (const person of Object.values(people)) {
      assert.equal(await person.hasNegotiatedOnce(), 1, person.name);
      assert.deepEqual(person.complaints, [], person.name);
    }
  });

  it('a lost socket is resumed while sound and picture go on', async () => {
    const { anna, ben } = people;
    const presence = async () =>
      (await anna.roster()).find((item) => item.participant === ids.ben)?.present;
    await breakSocket(ben);
    await until('Ben absent', async () => (await presence()) === false);
    await Promise.all([anna.sees(ids.ben), ben.sees(ids.anna)]);
    await mendSocket(ben);
    await until('Ben present again', presence);
    await ben.isConnected();
    assert.equal(await ben.id(), ids.ben);
    await allSeeAndHearEachOther(anna, ben);
    assert.equal(await ben.hasNegotiatedOnce(), 1, 'the media path was never replaced');
  });
});

/** The person's network loses TCP, not UDP. @param {import('./harness/person.mjs').Person} person */
async function breakSocket({ page }) {
  const tab = /** @type {import('playwright-core').Page} */ (/** @type {unknown} */ (page));
  await tab.context().setOffline(true);
}

/** @param {import('./harness/person.mjs').Person} person */
async function mendSocket({ page }) {
  const tab = /** @type {import('playwright-core').Page} */ (/** @type {unknown} */ (page));
  await tab.context().setOffline(false);
}
