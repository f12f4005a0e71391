// A lesson through an emulated line: the load tester's hop stands between browsers and node.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { launchChromium, newPerson } from './harness/chromium.mjs';
import { EmulatedLine } from './harness/line.mjs';
import { FirstbellNode } from './harness/node.mjs';
import { allSeeAndHearEachOther } from './harness/person.mjs';
import { until } from './harness/poll.mjs';

const ROOM = 'geography-8a';

describe('a lesson through an emulated line', () => {
  /** @type {EmulatedLine} */
  let line;
  /** @type {FirstbellNode} */
  let node;
  /** @type {import('playwright-core').Browser} */
  let browser;

  before(async () => {
    line = await EmulatedLine.start('wireless');
    node = await FirstbellNode.start({ media: line.media });
    browser = await launchChromium();
  });
  after(async () => {
    await browser?.close();
    await node?.stop();
    await line?.stop();
  });

  it('is seen and heard, also after the NAT has forgotten everybody', async () => {
    const teacher = await newPerson(browser, 'Tom Teacher');
    const anna = await newPerson(browser, 'Anna Ahrens');
    await teacher.join(node.origin, { room: ROOM, role: 'teacher' });
    await anna.join(node.origin, { room: ROOM });
    await allSeeAndHearEachOther(teacher, anna);
    const before = await line.stats();
    assert.ok(before.clients >= 2, `${before.clients} clients`);
    assert.ok(before.up.packets > 100 && before.down.packets > 100, JSON.stringify(before));

    line.say('rebind');
    // The node follows the next connectivity check, which Chromium sends every few seconds.
    await until('traffic goes on both ways', async () => {
      const { rebindings, up, down } = await line.stats();
      return (
        rebindings === 1 &&
        up.packets > before.up.packets + 500 &&
        down.packets > before.down.packets + 500
      );
    });
    await allSeeAndHearEachOther(teacher, anna);
    assert.equal(await anna.hasNegotiatedOnce(), 1);
  });
});
