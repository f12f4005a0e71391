// aiortc and Chromium in one class.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { launchChromium, newPerson } from '../browser/harness/chromium.mjs';
import { FirstbellNode } from '../browser/harness/node.mjs';
import { until } from '../browser/harness/poll.mjs';
import { ForeignPeer, isColour } from './foreign-peer.mjs';
import { pitch, tileColour, withoutEchoCancellation } from './in-page.mjs';

const ROOM = 'music-6c';
/** What aiortc sends; the colour is that of `foreign_peer.py`. */
const TONE_HERTZ = 1_000;
const TONE_TOLERANCE_HERTZ = 10;
const BLUE = [0, 0, 255];
/** What Chromium's fake devices send: beeps, and a figure that turns on green. */
const BEEP_HERTZ = 400;
const GREEN = [0, 136, 0];

describe('aiortc and Chromium', () => {
  /** @type {FirstbellNode} */
  let node;
  /** @type {import('playwright-core').Browser} */
  let browser;
  /** @type {import('../browser/harness/person.mjs').Person} */
  let anna;
  /** @type {ForeignPeer | undefined} */
  let otto;

  before(async () => {
    node = await FirstbellNode.start();
    browser = await launchChromium();
    anna = await newcomer('Anna Ahrens');
  });
  after(async () => {
    // One that fails must not keep the others running.
    const ends = await Promise.allSettled([otto?.stop(), browser?.close()]);
    await node?.stop();
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  });

  /** @param {string} name */
  async function newcomer(name) {
    const person = await newPerson(browser, name);
    await /** @type {any} */ (person.page).addInitScript(withoutEchoCancellation);
    return person;
  }

  /** Otto's own picture and tone come out of the page. @param {import('../browser/harness/person.mjs').Person} person */
  async function seesAndHearsOtto(person) {
    await Promise.all([person.sees(otto.id), person.hears()]);
    await until(`${person.name} sees blue`, async () => {
      const colour = await person.page.evaluate(tileColour, otto.id);
      if (!isColour(colour, BLUE)) throw new Error(`colour ${colour}`);
      return true;
    });
  }

  it('see and hear each other', async () => {
    await anna.join(node.origin, { room: ROOM, role: 'teacher' });
    otto = await ForeignPeer.join(node, { room: ROOM, name: 'Otto Ohm', hertz: TONE_HERTZ });
    const id = await anna.id();
    await Promise.all([seesAndHearsOtto(anna), otto.sees(id, GREEN), otto.hears(id, BEEP_HERTZ)]);
    await until(`Anna hears ${TONE_HERTZ} Hz`, async () => {
      const heard = await anna.page.evaluate(pitch);
      const fits = Math.abs(heard.hertz - TONE_HERTZ) <= TONE_TOLERANCE_HERTZ && heard.share > 0.9;
      if (!fits) throw new Error(JSON.stringify(heard));
      return true;
    });
  });

  it('who comes late sees a picture at once: aiortc makes a keyframe when asked', async () => {
    const ben = await newcomer('Ben Bauer');
    await ben.join(node.origin, { room: ROOM });
    const id = await ben.id();
    await Promise.all([seesAndHearsOtto(ben), otto.sees(id, GREEN), otto.hears(id, BEEP_HERTZ)]);
    await ben.leave();
  });

  it('who leaves is gone for the others', async () => {
    const { id } = otto;
    await otto.stop();
    await until('no more tile', async () => !(await anna.tile(id)));
    assert.equal(await anna.hasNegotiatedOnce(), 1);
    assert.deepEqual(anna.complaints, []);
  });
});
