// Every page and state, for people who cannot see it, and for people without a mouse.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { focused, isAccessible, staysIn, tabThrough, tabTo } from './harness/accessible.mjs';
import { launchChromium, newPerson } from './harness/chromium.mjs';
import { FirstbellNode } from './harness/node.mjs';
import { byTestId } from './harness/person.mjs';
import { until } from './harness/poll.mjs';

const ROOM = 'german-6c';
const PHONE = { width: 390, height: 844 };

describe('accessibility', () => {
  /** @type {FirstbellNode} */
  let node;
  /** @type {FirstbellNode} as in a school: tokens come from elsewhere */
  let school;
  /** @type {import('playwright-core').Browser} */
  let browser;

  before(async () => {
    [node, school] = [await FirstbellNode.start(), await FirstbellNode.start({ dev: false })];
    browser = await launchChromium();
  });
  after(async () => {
    await browser?.close();
    await node?.stop();
    await school?.stop();
  });

  /** Closes the person's page after. @param {string} name @param {(person: any) => Promise<void>} use @param {object} [options] */
  async function as(name, use, options) {
    const person = await newPerson(browser, name, options);
    await use(person);
    await person.page.context().close();
  }

  for (const locale of ['de-DE', 'en-GB']) {
    it(`before the class, ${locale}`, () =>
      as('Anna', async (anna) => {
        await anna.page.goto(node.origin);
        await anna.isThere('join-button');
        await isAccessible(anna.page, 'start');
        await anna.click('encryption-toggle');
        await anna.isThere('passphrase-input');
        await isAccessible(anna.page, 'start, encrypted');
        await anna.page.goto(school.url(ROOM, school.token({ room: ROOM })));
        await anna.isThere('join-button');
        await isAccessible(anna.page, 'personal link');
        await anna.page.goto('about:blank');
        await anna.page.goto(`${school.url(ROOM, school.token({ room: ROOM }))}&key=broken`);
        await anna.isThere('encryption');
        await isAccessible(anna.page, 'link with a broken key');
        await anna.page.goto(school.origin);
        await anna.isThere('prejoin');
        await isAccessible(anna.page, 'no link');
      }, { locale }));

    it(`the check page and the privacy page, ${locale}`, () =>
      as('Anna', async (anna) => {
        await anna.page.goto(`${node.origin}/check`);
        await anna.isThere('start-check');
        await isAccessible(anna.page, 'check');
        await anna.click('start-check');
        await anna.click('play-tone');
        await anna.isThere('tone-not-heard');
        await isAccessible(anna.page, 'check, running');
        await anna.click('tone-not-heard');
        await anna.isThere('line-figures');
        await isAccessible(anna.page, 'check, done');
        await anna.page.goto(`${node.origin}/privacy`);
        await anna.isThere('privacy');
        await isAccessible(anna.page, 'privacy');
      }, { locale }));
  }

  it('refusals, and a server that is away', () =>
    as('Anna', async (anna) => {
      for (const token of [school.token({ room: ROOM, exp: 1 }), school.token({ room: 'other' })]) {
        await anna.openAndJoin(school.url(ROOM, token));
        await anna.isThere('refusal');
        await isAccessible(anna.page, 'refusal');
        await anna.page.goto('about:blank');
      }
      await anna.page.route('**/v1/config', (route) => route.abort());
      await anna.page.goto(node.origin);
      await anna.isThere('refusal');
      await isAccessible(anna.page, 'server away');
    }));

  it('devices that are denied', () =>
    as('Ben', async (ben) => {
      await ben.page.context().addInitScript(() => {
        navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError'));
      });
      await ben.page.goto(node.origin);
      await ben.isThere('device-warning');
      await ben.page.click(`${byTestId('device-warning')} summary`);
      await isAccessible(ben.page, 'denied, before the class');
      await ben.join(node.origin, { room: `${ROOM} denied` });
      await isAccessible(ben.page, 'denied, in class');
    }));

  it('in class: alone, with others, list, settings, lock, shared screen, left', async () => {
    const anna = await newPerson(browser, 'Anna');
    await anna.fillForm(node.origin, { room: ROOM, role: 'teacher' });
    await anna.click('encryption-toggle');
    await anna.click('join-button');
    await anna.isConnected();
    await isAccessible(anna.page, 'alone');
    const key = new URL(anna.page.url()).hash.replace('#key=', '');
    const ben = await newPerson(browser, 'Ben', { viewport: PHONE });
    await ben.openAndJoin(`${node.url(ROOM, node.token({ room: ROOM, name: 'Ben' }))}&key=${key}`);
    await ben.isConnected();
    await anna.sees(await ben.id());
    await isAccessible(anna.page, 'class');
    await isAccessible(ben.page, 'class on a phone');
    await anna.openRoster();
    await isAccessible(anna.page, 'list of people');
    await ben.openRoster();
    await isAccessible(ben.page, 'list of people on a phone');
    await ben.page.keyboard.press('Escape');
    await anna.click('settings-button');
    await anna.isThere('settings');
    await isAccessible(anna.page, 'settings');
    await anna.page.keyboard.press('Escape');
    await anna.click('encryption-lock');
    await anna.isThere('encryption-dialog');
    await isAccessible(anna.page, 'lock');
    await anna.page.keyboard.press('Escape');
    await anna.click('screen-button');
    await ben.sees(await anna.id(), 'screen');
    await isAccessible(anna.page, 'sharing');
    await isAccessible(ben.page, 'shared screen on a phone');
    await ben.leave();
    await isAccessible(ben.page, 'left');
    for (const { page } of [anna, ben]) await page.context().close();
  });

  it('the focus is seen wherever it goes, and comes around', () =>
    as('Anna', async (anna) => {
      const { page } = anna;
      await page.goto(node.origin);
      await anna.isThere('join-button');
      const before = await tabThrough(page);
      for (const stop of ['microphone-toggle', 'camera-toggle', 'name-input', 'room-input', 'role-select', 'encryption-toggle', 'join-button', 'language-select']) {
        assert.ok(before.includes(stop), `Tab passes ${stop}: ${before.join()}`);
      }
      await anna.join(node.origin, { room: `${ROOM} focus` });
      await as('Ben', async (ben) => {
        await ben.join(node.origin, { room: `${ROOM} focus` });
        await anna.sees(await ben.id());
        const inside = await tabThrough(page);
        for (const stop of ['tile', 'microphone-button', 'camera-button', 'screen-button', 'roster-button', 'settings-button', 'leave-button']) {
          assert.ok(inside.includes(stop), `Tab passes ${stop}: ${inside.join()}`);
        }
      });
      await page.goto(`${node.origin}/check`);
      await anna.isThere('start-check');
      assert.ok((await tabThrough(page)).includes('start-check'));
    }));

  it('a lesson by keyboard alone, from the check to the way out', () =>
    as('Anna', async (anna) => {
      const { page } = anna;
      const { keyboard } = page;
      await page.goto(`${node.origin}/check`);
      await anna.isThere('start-check');
      await tabTo(page, 'start-check');
      await keyboard.press('Enter');
      await anna.isThere('play-tone');
      await tabTo(page, 'play-tone');
      await keyboard.press('Space');
      await tabTo(page, 'tone-heard');
      await keyboard.press('Enter');
      await until('the answer counts', async () => (await anna.attribute('check-speaker', 'data-level')) === 'good');

      await page.goto(node.origin);
      await anna.isThere('name-input');
      for (const [field, text] of [['name-input', 'Anna'], ['room-input', `${ROOM} keys`]]) {
        await tabTo(page, field);
        await keyboard.type(text);
      }
      await tabTo(page, 'encryption-toggle');
      await keyboard.press('Space');
      await tabTo(page, 'join-button');
      await keyboard.press('Enter');
      await anna.isConnected();

      await tabTo(page, 'microphone-button');
      await keyboard.press('Space');
      await until('muted', async () => (await anna.attribute('microphone-button', 'aria-pressed')) === 'false');
      await until('the change is announced', async () => (await anna.text('announcer')) !== '');

      await tabTo(page, 'settings-button');
      await keyboard.press('Enter');
      await anna.isThere('settings');
      assert.equal(await focused(page), 'settings', 'the focus goes into the dialog');
      for (let tabs = 0; tabs < 16; tabs += 1) {
        await keyboard.press('Tab');
        assert.ok(await staysIn(page, 'settings'), 'and does not get behind it');
      }
      await keyboard.press('Escape');
      await until('closed', async () => !(await anna.shows('settings')));
      assert.equal(await focused(page), 'settings-button', 'the focus is back where it was');

      await tabTo(page, 'roster-button');
      await keyboard.press('Enter');
      await anna.isThere('roster');
      assert.equal(await focused(page), 'roster');
      await keyboard.press('Escape');
      await until('closed', async () => !(await anna.shows('roster')));
      assert.equal(await focused(page), 'roster-button');

      await tabTo(page, 'encryption-lock');
      await keyboard.press('Enter');
      await anna.isThere('encryption-dialog');
      await keyboard.press('Escape');
      await until('closed', async () => !(await anna.shows('encryption-dialog')));
      assert.equal(await focused(page), 'encryption-lock');

      await tabTo(page, 'leave-button');
      await keyboard.press('Enter');
      await anna.isThere('left');
      await tabTo(page, 'rejoin-button');
    }));
});
