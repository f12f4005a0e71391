// What runs inside the page: instruments put in before the page's own script, and probes that the
// tests call. Self-contained functions: they are sent to the browser as text.

/**
 * Counts each connection's negotiations and notes when its first picture was decoded. Wraps the
 * browser's class, so that the page cannot tell.
 */
export function installInstruments() {
  const Native = globalThis.RTCPeerConnection;
  const FRAME_POLL_MS = 25;
  /** @type {{ connections: object[], joinClickedAt: number | undefined }} */
  const instruments = { connections: [], joinClickedAt: undefined };
  globalThis.__instruments = instruments;

  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (data) {
    const message = typeof data === 'string' && data.startsWith('{') ? JSON.parse(data) : {};
    if (message.type === 'wants') instruments.wants = message;
    return send.call(this, data);
  };

  addEventListener(
    'click',
    (event) => {
      if (event.target instanceof Element && event.target.closest('[data-testid=join-button]')) {
        instruments.joinClickedAt = performance.now();
      }
    },
    true,
  );

  globalThis.RTCPeerConnection = class RTCPeerConnection extends Native {
    /** @param {...unknown} args */
    constructor(...args) {
      super(...args);
      this.__counts = { peer: this, offers: 0, answers: 0, otherDescriptions: 0, firstFrameAt: undefined };
      instruments.connections.push(this.__counts);
      this.__watchFirstFrame();
    }
    /** @param {...unknown} args */
    createOffer(...args) {
      this.__counts.offers += 1;
      return super.createOffer(...args);
    }
    /** @param {RTCSessionDescriptionInit} description */
    setRemoteDescription(description) {
      if (description.type === 'answer') this.__counts.answers += 1;
      else this.__counts.otherDescriptions += 1;
      return super.setRemoteDescription(description);
    }
    async __watchFirstFrame() {
      while (this.connectionState !== 'closed') {
        for (const stat of (await super.getStats()).values()) {
          if (stat.type === 'inbound-rtp' && stat.kind === 'video' && stat.framesDecoded > 0) {
            this.__counts.firstFrameAt = performance.now();
            return;
          }
        }
        await new Promise((resolve) => setTimeout(resolve, FRAME_POLL_MS));
      }
    }
  };
}

/** Per connection made so far in this page: offers made, answers taken, still in use. */
export function negotiations() {
  return globalThis.__instruments.connections.map((connection) => ({
    offers: connection.offers,
    answers: connection.answers,
    otherDescriptions: connection.otherDescriptions,
    closed: connection.peer.connectionState === 'closed',
  }));
}

/** Milliseconds from the click on "join" (or the start of the page) to the first decoded picture. */
export function firstFrameDelay() {
  const { connections, joinClickedAt } = globalThis.__instruments;
  const first = connections.find((connection) => connection.firstFrameAt !== undefined);
  return first === undefined ? undefined : first.firstFrameAt - (joinClickedAt ?? 0);
}

/** What this page hears: over all connections in use. */
export async function heard() {
  const sum = { energy: 0, samples: 0, playing: 0 };
  for (const { peer } of globalThis.__instruments.connections) {
    if (peer.connectionState === 'closed') continue;
    for (const stat of (await peer.getStats()).values()) {
      if (stat.type !== 'inbound-rtp' || stat.kind !== 'audio') continue;
      sum.energy += stat.totalAudioEnergy ?? 0;
      sum.samples += stat.totalSamplesReceived ?? 0;
    }
  }
  for (const element of document.querySelectorAll('audio')) {
    if (!element.paused && !element.muted && element.srcObject?.active) sum.playing += 1;
  }
  return sum;
}

/**
 * A tile's picture: frames decoded for its track, and a coarse sample of the pixels on it.
 *
 * @param {{ participant: string, source: string }} whose
 */
export async function picture({ participant, source }) {
  const tile = document.querySelector(
    `[data-testid=tile][data-participant="${participant}"][data-source="${source}"]`,
  );
  const video = tile?.querySelector('video');
  const track = video?.srcObject?.getVideoTracks()[0];
  if (!track) return null;
  let framesDecoded = 0;
  for (const { peer } of globalThis.__instruments.connections) {
    if (peer.connectionState === 'closed') continue;
    for (const stat of (await peer.getStats()).values()) {
      if (stat.type === 'inbound-rtp' && stat.trackIdentifier === track.id) {
        framesDecoded = stat.framesDecoded ?? 0;
      }
    }
  }
  const [width, height] = [64, 36];
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width, height });
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(video, 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height);
  /** Brightness 0 to 255 of each sampled pixel; a video without a picture leaves them at 0. */
  const luma = [];
  for (let at = 0; at < data.length; at += 4) {
    luma.push(Math.round(0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2]));
  }
  return { framesDecoded, shown: video.checkVisibility(), luma };
}

/** What this page last asked the node to be shown. */
export function wants() {
  return globalThis.__instruments.wants ?? null;
}

/** Pictures decoded so far, over all connections in use. */
export async function framesDecoded() {
  let frames = 0;
  for (const { peer } of globalThis.__instruments.connections) {
    if (peer.connectionState === 'closed') continue;
    for (const stat of (await peer.getStats()).values()) {
      if (stat.type === 'inbound-rtp' && stat.kind === 'video') frames += stat.framesDecoded ?? 0;
    }
  }
  return frames;
}

/** Tiles of others as shown now. */
export function tiles() {
  return [...document.querySelectorAll('[data-testid=tile]')].map((tile) => ({
    participant: tile.dataset.participant,
    source: tile.dataset.source,
    video: tile.dataset.video,
    text: tile.textContent.trim(),
  }));
}

/** The roster as shown now. */
export function roster() {
  return [...document.querySelectorAll('[data-testid=roster-item]')].map((item) => ({
    participant: item.dataset.participant,
    present: item.dataset.present === 'true',
    text: item.textContent.trim(),
  }));
}

/** From now on remembers the shortest roster shown, however short the moment. */
export function watchRoster() {
  const shown = () => document.querySelectorAll('[data-testid=roster-item]').length;
  const instruments = globalThis.__instruments;
  instruments.shortestRoster = shown();
  new MutationObserver(() => {
    instruments.shortestRoster = Math.min(instruments.shortestRoster, shown());
  }).observe(document.body, { childList: true, subtree: true });
}

export function shortestRoster() {
  return globalThis.__instruments.shortestRoster;
}

/** @param {string} selector */
export function isShown(selector) {
  return document.querySelector(selector)?.checkVisibility() ?? false;
}

/** @param {{ selector: string, attribute: string }} what */
export function attributeOf({ selector, attribute }) {
  return document.querySelector(selector)?.getAttribute(attribute) ?? null;
}

/** @param {string} selector */
export function textOf(selector) {
  return document.querySelector(selector)?.textContent.trim() ?? '';
}

/** As a person who selects all and deletes. @param {string} selector */
export function clearInput(selector) {
  const input = document.querySelector(selector);
  input.value = '';
  input.dispatchEvent(new Event('input', { bubbles: true }));
}

/** As a person who picks from the list. @param {{ selector: string, value: string }} choice */
export function chooseOption({ selector, value }) {
  const select = document.querySelector(selector);
  if (![...select.options].some((option) => option.value === value)) throw new Error(`no ${value}`);
  select.value = value;
  select.dispatchEvent(new Event('input', { bubbles: true }));
  select.dispatchEvent(new Event('change', { bubbles: true }));
}
