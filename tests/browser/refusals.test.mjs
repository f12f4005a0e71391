// Who may not come in is told why, in their language, and nobody inside notices.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { launchChromium, newPerson } from './harness/chromium.mjs';
import { FirstbellNode } from './harness/node.mjs';
import { allSeeAndHearEachOther } from './harness/person.mjs';
import { until } from './harness/poll.mjs';

const ROOM = 'art-5a';
/** Beyond the leeway for clocks that differ. */
const LONG_AGO_S = 3600;

describe('refusals', () => {
  /** @type {FirstbellNode} */
  let node;
  /** @type {import('playwright-core').Browser} */
  let browser;

  before(async () => {
    // As in a school: no development mode, tokens come from the platform.
    node = await FirstbellNode.start({ dev: false, limits: { max_participants_per_room: 2 } });
    browser = await launchChromium();
  });
  after(async () => {
    await browser?.close();
    await node?.stop();
  });

  /** @param {import('./harness/person.mjs').Person} person @param {string} code @param {RegExp} text */
  async function isRefused(person, code, text) {
    await person.isThere('refusal');
    assert.equal(await person.attribute('refusal', 'data-code'), code);
    assert.match(await person.text('refusal'), text);
    assert.equal(await person.shows('classroom'), false);
  }

  const now = () => Math.floor(Date.now() / 1000);
  const cases = [
    {
      what: 'an expired token',
      token: () => node.token({ room: ROOM, exp: now() - LONG_AGO_S }),
      code: 'token_expired',
      de: /abgelaufen/i,
      en: /expired/i,
    },
    {
      what: "another room's token",
      token: () => node.token({ room: 'biology-9c' }),
      code: 'wrong_room',
      de: /anderen Raum/i,
      en: /another room/i,
    },
    {
      what: 'a forged token',
      token: () => node.token({ room: ROOM }, randomBytes(32).toString('hex')),
      code: 'bad_token',
      de: /ungültig/i,
      en: /not valid/i,
    },
    {
      what: 'a token that is none',
      token: () => 'not-a-token',
      code: 'bad_token',
      de: /ungültig/i,
      en: /not valid/i,
    },
  ];
  for (const { what, token, code, de, en } of cases) {
    it(`${what}, in German and in English`, async () => {
      for (const [locale, text] of /** @type {const} */ ([['de-DE', de], ['en-GB', en]])) {
        const person = await newPerson(browser, 'Dora', { locale });
        await person.openAndJoin(node.url(ROOM, token()));
        await isRefused(person, code, text);
        await person.page.context().close();
      }
    });
  }

  it('a full room: the one who waits comes in when a place is free', async () => {
    const [anna, ben, cleo] = [
      await newPerson(browser, 'Anna'),
      await newPerson(browser, 'Ben'),
      await newPerson(browser, 'Cleo', { locale: 'de-DE' }),
    ];
    for (const person of [anna, ben]) {
      await person.openAndJoin(node.url(ROOM, node.token({ room: ROOM, name: person.name })));
      await person.isConnected();
    }
    await allSeeAndHearEachOther(anna, ben);
    await cleo.openAndJoin(node.url(ROOM, node.token({ room: ROOM, name: cleo.name })));
    await isRefused(cleo, 'room_full', /voll/i);
    await allSeeAndHearEachOther(anna, ben);

    const [annaId, benId] = [await anna.id(), await ben.id()];
    await ben.leave();
    if (await cleo.shows('try-again-button')) await cleo.click('try-again-button');
    await cleo.isConnected();
    await until('no more tile', async () => !(await anna.tile(benId)));
    await cleo.sees(annaId);
    await allSeeAndHearEachOther(anna, cleo);
  });
});
