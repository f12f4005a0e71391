// A person in front of the classroom page: what they do, and what they see and hear.

import assert from 'node:assert/strict';
import * as inPage from './instruments.mjs';
import { sleep, until } from './poll.mjs';

/** A picture whose mean brightness is below this counts as black. */
const BLACK_BELOW = 12;
/** Changed pixels (by more than `NOISE`) of the 64x36 sample that count as a moving picture. */
const MOVING_PIXELS = 4;
const NOISE = 24;
/** Frames and seconds that count as "goes on": more than a single late packet could make. */
const FRAMES_THAT_FLOW = 8;
const SAMPLES_THAT_FLOW = 24_000;
/** The tone comes several times in this long, each time with a hundred times this energy. */
const SILENCE_MS = 2_000;
const SILENT_ENERGY = 1e-4;

/** @param {string} id */
export const byTestId = (id) => `[data-testid="${id}"]`;

/**
 * What Playwright's and Puppeteer's pages have in common, and all that a person needs.
 *
 * @typedef {object} Page
 * @property {(url: string) => Promise<unknown>} goto
 * @property {<R, A>(fn: (arg: A) => R, arg?: A) => Promise<Awaited<R>>} evaluate
 * @property {(selector: string) => Promise<void>} click
 * @property {(selector: string, text: string) => Promise<void>} type
 * @property {(selector: string) => Promise<void>} focus
 * @property {() => Promise<unknown>} reload
 * @property {{ press: (key: string) => Promise<void> }} keyboard
 */

export class Person {
  /** @type {Page} */
  page;
  name;
  /** Errors and refused resources the page's console showed. */
  /** @type {string[]} */
  complaints = [];

  /** @param {any} page @param {string} name */
  constructor(page, name) {
    this.page = page;
    this.name = name;
    page.on('pageerror', (/** @type {Error} */ error) => this.complaints.push(String(error)));
    page.on('console', (/** @type {any} */ message) => {
      if (message.type() === 'error') this.complaints.push(message.text());
    });
  }

  // --- doing ---

  /** Opens the start page and fills the form in. @param {string} origin @param {{ room: string, role?: string }} wish */
  async fillForm(origin, { room, role = 'pupil' }) {
    await this.page.goto(`${origin}/`);
    await this.isThere('name-input');
    await this.page.evaluate(inPage.clearInput, byTestId('name-input'));
    await this.page.type(byTestId('name-input'), this.name);
    await this.page.evaluate(inPage.clearInput, byTestId('room-input'));
    await this.page.type(byTestId('room-input'), room);
    await this.page.evaluate(inPage.chooseOption, {
      selector: byTestId('role-select'),
      value: role,
    });
  }

  /** Joins by the form and waits for sound and picture. @param {string} origin @param {{ room: string, role?: string }} wish */
  async join(origin, wish) {
    await this.fillForm(origin, wish);
    await this.click('join-button');
    await this.isConnected();
  }

  /** Opens a personal link and presses join. @param {string} url */
  async openAndJoin(url) {
    await this.page.goto(url);
    await this.isThere('join-button');
    await this.click('join-button');
  }

  /** @param {string} testId */
  async click(testId) {
    await this.page.click(byTestId(testId));
  }

  async openRoster() {
    if (!(await this.shows('roster'))) await this.click('roster-button');
    await this.isThere('roster');
  }

  async leave() {
    await this.click('leave-button');
    await this.isThere('left');
  }

  // --- seeing and hearing ---

  /** @param {string} testId @returns {Promise<boolean>} */
  shows(testId) {
    return this.page.evaluate(inPage.isShown, byTestId(testId));
  }

  /** @param {string} testId */
  isThere(testId) {
    return until(`${this.name} sees ${testId}`, () => this.shows(testId));
  }

  /** @param {string} testId @param {string} attribute @returns {Promise<string | null>} */
  attribute(testId, attribute) {
    return this.page.evaluate(inPage.attributeOf, { selector: byTestId(testId), attribute });
  }

  /** @param {string} testId @returns {Promise<string>} */
  text(testId) {
    return this.page.evaluate(inPage.textOf, byTestId(testId));
  }

  isConnected() {
    return until(
      `${this.name} is connected`,
      async () => (await this.attribute('classroom', 'data-connection')) === 'connected',
    );
  }

  /** @returns {Promise<string>} own id */
  async id() {
    const id = await this.attribute('classroom', 'data-participant');
    assert.ok(id, `${this.name} has no id: not in a class`);
    return id;
  }

  tiles() {
    return this.page.evaluate(inPage.tiles);
  }

  /** @param {string} participant @param {string} [source] */
  async tile(participant, source = 'camera') {
    return (await this.tiles()).find(
      (tile) => tile.participant === participant && tile.source === source,
    );
  }

  wants() {
    return this.page.evaluate(inPage.wants);
  }

  /** No picture at all for a while. */
  async seesNothing() {
    const frames = () => this.page.evaluate(inPage.framesDecoded);
    await until(`${this.name} gets no pictures`, async () => {
      const before = await frames();
      await sleep(SILENCE_MS);
      return (await frames()) === before;
    });
  }

  roster() {
    return this.page.evaluate(inPage.roster);
  }

  /** @param {string[]} participants */
  hasRoster(participants) {
    const wanted = [...participants].sort().join();
    return until(`${this.name}'s roster is ${wanted}`, async () => {
      const shown = (await this.roster()).map((item) => item.participant);
      return shown.sort().join() === wanted;
    });
  }

  watchRoster() {
    return this.page.evaluate(inPage.watchRoster);
  }

  shortestRoster() {
    return this.page.evaluate(inPage.shortestRoster);
  }

  /**
   * The tile shows a picture that is decoded, visible, not black, and moves.
   *
   * @param {string} participant @param {string} [source]
   */
  async sees(participant, source = 'camera') {
    const who = `${this.name} sees the moving ${source} of ${participant}`;
    const look = () => this.page.evaluate(inPage.picture, { participant, source });
    const first = await until(who, async () => {
      const now = await look();
      return now !== null && now.framesDecoded > 0 && now.shown && mean(now.luma) > BLACK_BELOW && now;
    });
    await until(who, async () => {
      const now = await look();
      return (
        now !== null &&
        now.shown &&
        now.framesDecoded >= first.framesDecoded + FRAMES_THAT_FLOW &&
        mean(now.luma) > BLACK_BELOW &&
        changedPixels(first.luma, now.luma) >= MOVING_PIXELS
      );
    });
  }

  /** Sound comes out of the page: decoded, with energy that grows, into an element that plays. */
  async hears() {
    const listen = () => this.page.evaluate(inPage.heard);
    const first = await listen();
    await until(`${this.name} hears a tone`, async () => {
      const now = await listen();
      return (
        now.playing > 0 &&
        now.energy > 0 &&
        now.energy > first.energy &&
        now.samples >= first.samples + SAMPLES_THAT_FLOW
      );
    });
  }

  /** Not a sound for a while, whatever the page's elements do. */
  async hearsNothing() {
    const listen = () => this.page.evaluate(inPage.heard);
    await until(`${this.name} hears nothing`, async () => {
      const before = await listen();
      await sleep(SILENCE_MS);
      return (await listen()).energy - before.energy < SILENT_ENERGY;
    });
  }

  /** One offer and one answer for every connection this page ever made. */
  async hasNegotiatedOnce() {
    const connections = await this.page.evaluate(inPage.negotiations);
    assert.ok(connections.length > 0, `${this.name} made no connection`);
    for (const { offers, answers, otherDescriptions } of connections) {
      assert.deepEqual({ offers, answers, otherDescriptions }, { offers: 1, answers: 1, otherDescriptions: 0 }, this.name);
    }
    return connections.length;
  }

  firstFrameDelay() {
    return until(`${this.name}'s first picture`, () => this.page.evaluate(inPage.firstFrameDelay));
  }
}

/** @param {number[]} luma */
const mean = (luma) => luma.reduce((sum, value) => sum + value, 0) / luma.length;

/** @param {number[]} before @param {number[]} after */
const changedPixels = (before, after) =>
  before.filter((value, at) => Math.abs(value - after[at]) > NOISE).length;

/**
 * Everybody sees and hears everybody else.
 *
 * @param {...Person} people
 */
export async function allSeeAndHearEachOther(...people) {
  const ids = await Promise.all(people.map((person) => person.id()));
  await Promise.all(
    people.flatMap((person, me) => [
      person.hears(),
      ...ids.filter((_, other) => other !== me).map((id) => person.sees(id)),
    ]),
  );
}
