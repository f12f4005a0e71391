// The check page before the first lesson: what works is said to work, what does not gets its advice.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { launchChromium, newPerson } from './harness/chromium.mjs';
import { FirstbellNode } from './harness/node.mjs';
import { byTestId } from './harness/person.mjs';
import { until } from './harness/poll.mjs';

describe('the check page', () => {
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

  /** @param {import('./harness/person.mjs').Person} person @param {string} [url] */
  async function starts(person, url = `${node.origin}/check`) {
    await person.page.goto(url);
    await person.isThere('start-check');
    await person.click('start-check');
  }

  it('finds that everything works, and how fast the line is', async () => {
    const anna = await newPerson(browser, 'Anna', { locale: 'de-DE' });
    await starts(anna);
    await anna.isThere('check-video');
    await anna.click('play-tone');
    await anna.isThere('tone-heard');
    await anna.click('tone-heard');
    for (const part of ['browser', 'camera', 'microphone', 'speaker']) await stands(anna, part, 'good');
    // How fast this machine is today is not what is tested: what was measured is said, and judged by it.
    const findings = await until('the line is measured', async () => {
      const codes = await found(anna, 'line');
      return codes.length > 0 && codes;
    }, LINE_MS);
    assert.match(findings.join(), /^(lineGood|line(Up|Down|Lossy|Slow).*)$/);
    const level = await anna.attribute('check-line', 'data-level');
    await stands(anna, 'summary', level ?? '');
    if (level === 'good') assert.match(await anna.text('check-summary'), /Alles ist bereit/);
    const figures = await anna.text('line-figures');
    assert.match(figures, /Hinauf.*mindestens [\d,]+ Mbit\/s.*Herunter.*mindestens [\d,]+ Mbit\/s/s);
    assert.match(figures, /Hin und zurück.*ms/s);
    assert.match(figures, /UDP/);
    await until('the check has left its room', async () => (await participants()) === 0);
    assert.deepEqual(anna.complaints, []);
    await anna.page.context().close();
  });

  it('says how to allow what was denied, in this browser', async () => {
    const asking = await launchChromium({ devices: false });
    try {
      const ben = await newPerson(asking, 'Ben');
      await ben.page.context().addInitScript(() => {
        navigator.mediaDevices.getUserMedia = () =>
          Promise.reject(new DOMException('Permission denied', 'NotAllowedError'));
      });
      await starts(ben);
      await finds(ben, 'camera', 'cameraDenied');
      await finds(ben, 'microphone', 'microphoneDenied');
      await ben.page.click(`${byTestId('check-camera')} summary`);
      assert.match(await ben.text('check-camera'), /to the left of the address.*Reload/s);
      await stands(ben, 'summary', 'bad');
    } finally {
      await asking.close();
    }
  });

  it('tells a computer without devices from a broken one', async () => {
    const bare = await launchChromium({ devices: false });
    try {
      const ben = await newPerson(bare, 'Ben');
      await starts(ben);
      await finds(ben, 'camera', 'cameraMissing');
      await finds(ben, 'microphone', 'microphoneMissing');
      await until('the line is measured', async () => (await found(ben, 'line')).length > 0, LINE_MS);
    } finally {
      await bare.close();
    }
  });

  it('notices a covered camera, a tone that nobody hears and a silent microphone', async () => {
    const ben = await newPerson(browser, 'Ben');
    await ben.page.context().addInitScript(() => {
      navigator.mediaDevices.getUserMedia = async ({ video }) => {
        if (!video) return new AudioContext().createMediaStreamDestination().stream;
        const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 36 });
        const pen = canvas.getContext('2d');
        setInterval(() => pen.fillRect(0, 0, 64, 36), 100);
        return canvas.captureStream(10);
      };
    });
    await starts(ben);
    await finds(ben, 'camera', 'cameraBlack');
    await finds(ben, 'microphone', 'microphoneSilent');
    await ben.click('play-tone');
    await ben.isThere('tone-not-heard');
    await ben.click('tone-not-heard');
    await finds(ben, 'speaker', 'speakerSilent');
    await stands(ben, 'summary', 'bad');
    await ben.page.context().close();
  });

  it('knows a network that lets no UDP through', async () => {
    const ben = await newPerson(browser, 'Ben');
    await ben.page.context().addInitScript(() => {
      // Nobody listens there, as if a firewall dropped everything.
      const real = RTCPeerConnection.prototype.setRemoteDescription;
      RTCPeerConnection.prototype.setRemoteDescription = function ({ type, sdp }) {
        const blocked = sdp.replace(/^(a=candidate:.* udp \d+ \S+) \d+ /gim, '$1 9 ');
        return real.call(this, { type, sdp: blocked });
      };
    });
    await starts(ben);
    await finds(ben, 'line', 'lineMediaBlocked');
    await ben.page.context().close();
  });

  it('knows a network that blocks WebSockets', async () => {
    const ben = await newPerson(browser, 'Ben');
    await ben.page.context().addInitScript(() => {
      const Real = WebSocket;
      globalThis.WebSocket = class extends Real {
        constructor() {
          super('ws://localhost:9');
        }
      };
    });
    await starts(ben);
    await finds(ben, 'line', 'lineSocketBlocked');
    await ben.page.context().close();
  });

  it('in a school takes a token for a check room, and no other', async () => {
    const school = await FirstbellNode.start({ dev: false });
    try {
      const cases = [
        [school.token({ room: 'math-7b' }), 'lineNoToken'],
        [undefined, 'lineNoToken'],
        [school.token({ room: 'check-anna', exp: 1 }), 'lineRefused'],
      ];
      const opens = async (/** @type {string | undefined} */ token) => {
        const anna = await newPerson(browser, 'Anna');
        await starts(anna, `${school.origin}/check${token === undefined ? '' : `#token=${token}`}`);
        return anna;
      };
      for (const [token, code] of cases) {
        const anna = await opens(token);
        await finds(anna, 'line', code ?? '');
        assert.equal(await anna.shows('line-figures'), false);
        await anna.page.context().close();
      }
      const anna = await opens(school.token({ room: 'check-anna' }));
      await until('a way up is measured', () => anna.shows('line-figures'), LINE_MS);
      const figures = await anna.text('line-figures');
      assert.match(figures, /Upwards.*UDP/s);
      assert.doesNotMatch(figures, /Downwards/, 'one token is one person: nobody is there to receive');
      await anna.page.context().close();
    } finally {
      await school.stop();
    }
  });

  const participants = async () => node.metric('firstbell_signaling_participants');
});

/** Joining, or giving up, and measuring, on a busy machine. */
const LINE_MS = 60_000;

/** @param {import('./harness/person.mjs').Person} person @param {string} part @param {string} level */
function stands(person, part, level) {
  return until(
    `${part} is ${level}`,
    async () => (await person.attribute(`check-${part}`, 'data-level')) === level,
    LINE_MS,
  );
}

/** Codes shown. @param {import('./harness/person.mjs').Person} person @param {string} part @returns {Promise<string[]>} */
function found(person, part) {
  return person.page.evaluate(
    (selector) => [...document.querySelectorAll(selector)].map((finding) => finding.dataset.code),
    `${byTestId(`check-${part}`)} ${byTestId('finding')}`,
  );
}

/** @param {import('./harness/person.mjs').Person} person @param {string} part @param {string} code */
function finds(person, part, code) {
  return until(`${part}: ${code}`, async () => {
    const codes = await found(person, part);
    if (!codes.includes(code)) throw new Error(codes.join());
    return true;
  }, LINE_MS);
}
