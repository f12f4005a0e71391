// Firefox and Chromium in one class.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { launchChromium, newPerson } from './harness/chromium.mjs';
import { launchFirefox, newFirefoxPerson } from './harness/firefox.mjs';
import { FirstbellNode } from './harness/node.mjs';
import { allSeeAndHearEachOther } from './harness/person.mjs';

const ROOM = 'french-8a';

describe('Firefox and Chromium', () => {
  /** @type {FirstbellNode} */
  let node;
  /** @type {import('playwright-core').Browser} */
  let chromium;
  /** @type {import('puppeteer-core').Browser} */
  let firefox;

  before(async () => {
    node = await FirstbellNode.start();
    [chromium, firefox] = await Promise.all([launchChromium(), launchFirefox()]);
  });
  after(async () => {
    await Promise.all([chromium?.close(), firefox?.close()]);
    await node?.stop();
  });

  it('see and hear each other, whoever comes first, and after a reload', async () => {
    const fay = await newFirefoxPerson(firefox, 'Fay Fuchs');
    const anna = await newPerson(chromium, 'Anna Ahrens');
    await fay.join(node.origin, { room: ROOM, role: 'teacher' });
    await anna.join(node.origin, { room: ROOM });
    await allSeeAndHearEachOther(fay, anna);

    const id = await fay.id();
    for (const person of [fay, anna]) assert.equal(await person.hasNegotiatedOnce(), 1, person.name);
    await fay.page.reload();
    await fay.isConnected();
    assert.equal(await fay.id(), id);
    await allSeeAndHearEachOther(fay, anna);
    for (const person of [fay, anna]) assert.equal(await person.hasNegotiatedOnce(), 1, person.name);
  });
});
