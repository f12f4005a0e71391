// What goes wrong during a lesson, and who notices.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { launchChromium, newPerson } from './harness/chromium.mjs';
import { FirstbellNode } from './harness/node.mjs';
import { allSeeAndHearEachOther } from './harness/person.mjs';
import { stays, until } from './harness/poll.mjs';

const ROOM = 'history-10b';

describe('a teacher whose tab dies', () => {
  const RESUME_SECONDS = 4;
  /** @type {FirstbellNode} */
  let node;
  /** @type {import('playwright-core').Browser} */
  let browser;

  before(async () => {
    node = await FirstbellNode.start({
      signaling: { resume_seconds: RESUME_SECONDS, heartbeat_seconds: 1 },
    });
    browser = await launchChromium();
  });
  after(async () => {
    await browser?.close();
    await node?.stop();
  });

  it('is shown as absent, then removed; the pupils go on undisturbed', async () => {
    const teacher = await newPerson(browser, 'Tom Teacher');
    const anna = await newPerson(browser, 'Anna Ahrens');
    const ben = await newPerson(browser, 'Ben Bauer');
    await teacher.join(node.origin, { room: ROOM, role: 'teacher' });
    await anna.join(node.origin, { room: ROOM });
    await ben.join(node.origin, { room: ROOM });
    const [teacherId, annaId, benId] = await Promise.all([teacher.id(), anna.id(), ben.id()]);
    await allSeeAndHearEachOther(teacher, anna, ben);
    for (const pupil of [anna, ben]) {
      await pupil.openRoster();
      await pupil.hasRoster([teacherId, annaId, benId]);
    }

    await killTab(teacher);
    const absent = async (/** @type {import('./harness/person.mjs').Person} */ pupil) =>
      (await pupil.roster()).find((item) => item.participant === teacherId)?.present === false;
    await Promise.all([anna, ben].map((pupil) => until('the absent teacher', () => absent(pupil))));
    await Promise.all([anna.sees(benId), ben.sees(annaId), anna.hears(), ben.hears()]);
    for (const pupil of [anna, ben]) {
      await pupil.hasRoster([annaId, benId]);
      await until('no more tile', async () => !(await pupil.tile(teacherId)));
    }
    await allSeeAndHearEachOther(anna, ben);
    await stays('both connected', 1_000, async () => {
      const states = await Promise.all(
        [anna, ben].map((pupil) => pupil.attribute('classroom', 'data-connection')),
      );
      return states.every((state) => state === 'connected');
    });
    for (const pupil of [anna, ben]) assert.equal(await pupil.hasNegotiatedOnce(), 1);
  });
});

describe('a node that is updated during a lesson', () => {
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

  it('ends well with people inside, who come back by themselves', async () => {
    const [anna, ben] = [await newPerson(browser, 'Anna'), await newPerson(browser, 'Ben')];
    await anna.join(node.origin, { room: ROOM, role: 'teacher' });
    await ben.join(node.origin, { room: ROOM });
    await allSeeAndHearEachOther(anna, ben);
    await node.restart();
    for (const person of [anna, ben]) await person.isConnected();
    await until('both in one class', async () => (await anna.tile(await ben.id())) !== undefined);
    await allSeeAndHearEachOther(anna, ben);
    for (const person of [anna, ben]) assert.equal(await person.hasNegotiatedOnce(), 2);
  });
});

/** The page's process ends without a word. @param {import('./harness/person.mjs').Person} person */
async function killTab({ page }) {
  const tab = /** @type {import('playwright-core').Page} */ (/** @type {unknown} */ (page));
  const devtools = await tab.context().newCDPSession(tab);
  const crashed = tab.waitForEvent('crash');
  devtools.send('Page.crash').catch(() => undefined);
  await crashed;
}
