// End-to-end encryption: who has the key sees and hears; who has not, gets what a node could record.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { launchChromium, newPerson } from './harness/chromium.mjs';
import { launchFirefox, newFirefoxPerson } from './harness/firefox.mjs';
import { picture } from './harness/instruments.mjs';
import { correlation, ownPicture, spectrum } from './harness/likeness.mjs';
import { FirstbellNode } from './harness/node.mjs';
import { allSeeAndHearEachOther } from './harness/person.mjs';
import { sleep, until } from './harness/poll.mjs';

const ROOM = 'ethics-10a';
/** Above it two samples show the same scene, however compressed; noise stays far below. */
const ALIKE = 0.75;
const UNLIKE = 0.4;
/** Not noise either: ciphertext that is played as Opus hurts ears. The test tone has 0.3. */
const SILENT = 0.01;
/** The test tone comes several times in this long. */
const LISTEN_MS = 4_000;
/** Without a key, somebody watches this long for anything to come through. */
const WATCH_MS = 8_000;

describe('an encrypted room', () => {
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

  /** @param {import('./harness/person.mjs').Person} person @param {string} room @param {string} [passphrase] */
  async function makeEncrypted(person, room, passphrase) {
    await person.fillForm(node.origin, { room, role: 'teacher' });
    await person.click('encryption-toggle');
    if (passphrase !== undefined) await person.page.type('[data-testid="passphrase-input"]', passphrase);
    await person.click('join-button');
    await person.isConnected();
  }

  /** @param {import('./harness/person.mjs').Person} person @param {string} room @param {string} key */
  async function joinWithKey(person, room, key) {
    const token = node.token({ room, name: person.name });
    await person.openAndJoin(`${node.url(room, token)}&key=${key}`);
    await person.isConnected();
  }

  const keyOf = async (/** @type {import('./harness/person.mjs').Person} */ { page }) =>
    new URLSearchParams((await page.evaluate(() => location.hash)).slice(1)).get('key') ?? '';

  /** How alike what `viewer` sees of `sender` is to what the sender's camera shows, at its best. */
  async function likeness(viewer, sender, forMs) {
    const participant = await sender.id();
    let [best, frames] = [-1, 0];
    const end = Date.now() + forMs;
    do {
      const [theirs, own] = await Promise.all([
        viewer.page.evaluate(picture, { participant, source: 'camera' }),
        sender.page.evaluate(ownPicture),
      ]);
      if (theirs !== null && own !== null) {
        best = Math.max(best, correlation(theirs.luma, own));
        frames = theirs.framesDecoded;
      }
      await sleep(200);
    } while (Date.now() < end);
    return { best, frames };
  }

  /** How alike what `listener` hears is to the sender's microphone. */
  async function soundLikeness(listener, sender) {
    const [heard, said] = await Promise.all([
      listener.page.evaluate(spectrum, { own: false, ms: LISTEN_MS }),
      sender.page.evaluate(spectrum, { own: true, ms: LISTEN_MS }),
    ]);
    return { alike: correlation(heard.spectrum, said.spectrum), loudest: heard.loudest };
  }

  it('is seen and heard with the key, and not without', async () => {
    const [anna, ben, eve] = await Promise.all(['Anna', 'Ben', 'Eve'].map((name) => newPerson(browser, name)));
    await makeEncrypted(anna, ROOM);
    const key = await keyOf(anna);
    assert.match(key, /^[\w-]{43}$/);
    assert.equal(await anna.attribute('encryption-lock', 'data-state'), 'on');
    await joinWithKey(ben, ROOM, key);
    await allSeeAndHearEachOther(anna, ben);
    const seen = await likeness(ben, anna, 2_000);
    const heard = await soundLikeness(ben, anna);
    console.log('with the key', seen, heard);
    assert.ok(seen.best > ALIKE, `Ben sees Anna: ${seen.best}`);
    assert.ok(heard.alike > ALIKE, `Ben hears Anna: ${heard.alike}`);

    // Only Anna is left to speak, and be seen by Eve.
    await ben.click('microphone-button');
    await ben.click('camera-button');
    await eve.join(node.origin, { room: ROOM });
    assert.equal(await eve.shows('encryption-lock'), false);
    await until('Eve gets packets of Anna', async () => (await received(eve)).video > 100);
    const [stolen, overheard] = [await likeness(eve, anna, WATCH_MS), await soundLikeness(eve, anna)];
    const arrived = await received(eve);
    console.log('without the key', stolen, overheard, arrived);
    assert.ok(arrived.video > 0 && arrived.audio > 0, 'the node forwarded to Eve as to anybody');
    assert.ok(stolen.frames === 0 || stolen.best < UNLIKE, `Eve sees Anna: ${stolen.best}`);
    assert.ok(overheard.loudest < SILENT, `Eve hears something, as loud as ${overheard.loudest}`);

    // Nor do those inside show or play what Eve sends; and they are told.
    const eveId = await eve.id();
    await until('Anna is told', async () => /Eve/.test(await anna.text('encryption-trouble')));
    const framesOfEve = async () =>
      (await anna.page.evaluate(picture, { participant: eveId, source: 'camera' }))?.framesDecoded ?? 0;
    const before = await framesOfEve();
    await sleep(WATCH_MS / 2);
    assert.equal(await framesOfEve(), before, 'Anna decodes nothing of Eve');
    await ben.hears();
    await eve.leave();
    await until('all is well again', async () => (await anna.attribute('encryption-lock', 'data-state')) === 'on');
    for (const person of [anna, ben]) assert.deepEqual(person.complaints, [], person.name);
    await Promise.all([anna, ben, eve].map((person) => person.page.context().close()));
  });

  it('outlives a reload, and covers the shared screen', async () => {
    const [anna, ben] = await Promise.all(['Anna', 'Ben'].map((name) => newPerson(browser, name)));
    await makeEncrypted(anna, ROOM);
    await joinWithKey(ben, ROOM, await keyOf(anna));
    await allSeeAndHearEachOther(anna, ben);
    await ben.page.reload();
    await ben.isConnected();
    await ben.isThere('encryption-lock');
    await allSeeAndHearEachOther(anna, ben);
    await anna.click('screen-button');
    await ben.sees(await anna.id(), 'screen');
    assert.equal(await ben.hasNegotiatedOnce(), 1);
    await Promise.all([anna, ben].map((person) => person.page.context().close()));
  });

  it('is made by a passphrase, too; with another one there is nothing to see', async () => {
    const [anna, ben, mallory] = await Promise.all(
      ['Anna', 'Ben', 'Mallory'].map((name) => newPerson(browser, name)),
    );
    await makeEncrypted(anna, 'latin-8c', 'carpe diem');
    await makeEncrypted(ben, 'latin-8c', 'carpe diem ');
    await allSeeAndHearEachOther(anna, ben);
    await makeEncrypted(mallory, 'latin-8c', 'carpe noctem');
    await until('Mallory is told', async () => /Anna|Ben/.test(await mallory.text('encryption-trouble')));
    const { frames } = await likeness(mallory, anna, 1_000);
    assert.equal(frames, 0);
    await mallory.hearsNothing();
    await Promise.all([anna, ben, mallory].map((person) => person.page.context().close()));
  });

  it('a link whose key was cut short lets nobody in unencrypted', async () => {
    const anna = await newPerson(browser, 'Anna');
    const token = node.token({ room: ROOM });
    await anna.page.goto(`${node.url(ROOM, token)}&key=tooShort`);
    await anna.isThere('encryption');
    assert.equal(await anna.attribute('encryption', 'data-state'), 'broken');
    assert.equal(await anna.shows('join-button'), false);
    await anna.page.context().close();
  });

  it('works between Chromium and Firefox', async () => {
    const firefox = await launchFirefox();
    try {
      const [anna, fred] = [await newPerson(browser, 'Anna'), await newFirefoxPerson(firefox, 'Fred')];
      await makeEncrypted(anna, 'music-7a');
      await joinWithKey(fred, 'music-7a', await keyOf(anna));
      await allSeeAndHearEachOther(anna, fred);
      assert.ok((await likeness(fred, anna, 2_000)).best > ALIKE);
      await anna.page.context().close();
    } finally {
      await firefox.close();
    }
  });

  it('works in a browser with encoded streams only, and with H.264', async () => {
    const [anna, ben] = await Promise.all(['Anna', 'Ben'].map((name) => newPerson(browser, name)));
    await anna.page.context().addInitScript(() => {
      delete globalThis.RTCRtpScriptTransform;
    });
    for (const { page } of [anna, ben]) {
      await page.context().addInitScript(() => {
        const all = RTCRtpReceiver.getCapabilities;
        RTCRtpReceiver.getCapabilities = (kind) => {
          const found = all.call(RTCRtpReceiver, kind);
          return { ...found, codecs: found.codecs.filter(({ mimeType }) => mimeType !== 'video/VP8') };
        };
      });
    }
    await makeEncrypted(anna, 'physics-9b');
    await joinWithKey(ben, 'physics-9b', await keyOf(anna));
    await allSeeAndHearEachOther(anna, ben);
    assert.equal(await codecOf(ben), 'video/H264');
    assert.ok((await likeness(ben, anna, 2_000)).best > ALIKE);
    await Promise.all([anna, ben].map((person) => person.page.context().close()));
  });
});

/** Packets received so far by kind. @param {import('./harness/person.mjs').Person} person */
function received(person) {
  return person.page.evaluate(async () => {
    const sum = { audio: 0, video: 0 };
    for (const { peer } of globalThis.__instruments.connections) {
      for (const stat of (await peer.getStats()).values()) {
        if (stat.type === 'inbound-rtp') sum[stat.kind] += stat.packetsReceived;
      }
    }
    return sum;
  });
}

/** @param {import('./harness/person.mjs').Person} person */
function codecOf(person) {
  return person.page.evaluate(async () => {
    for (const { peer } of globalThis.__instruments.connections) {
      const stats = await peer.getStats();
      for (const stat of stats.values()) {
        if (stat.type === 'inbound-rtp' && stat.kind === 'video' && stat.framesDecoded > 0) {
          return stats.get(stat.codecId)?.mimeType;
        }
      }
    }
    return undefined;
  });
}
