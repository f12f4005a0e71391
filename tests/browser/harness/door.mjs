// Stands between a page and its node and says what a node says at eight o'clock, which one with two
// people never would.

import { until } from './poll.mjs';

/** @typedef {Record<string, unknown> & { id: number, type: string }} Asked */

export class Door {
  /** @type {Asked[]} every join, in order */
  joins = [];
  /** @type {import('playwright-core').WebSocketRoute | undefined} the newest socket */
  #socket;
  #shut;

  /** @param {boolean} shut joins wait in front of it until it opens */
  constructor(shut) {
    this.#shut = shut;
  }

  /** @param {import('playwright-core').Page} page @param {{ shut: boolean }} how */
  static async inFrontOf(page, { shut }) {
    const door = new Door(shut);
    await page.routeWebSocket(/\/v1\/ws$/, (socket) => {
      const node = socket.connectToServer();
      door.#socket = socket;
      socket.onMessage((text) => {
        const asked = JSON.parse(text.toString());
        if (asked.type === 'join') door.joins.push(asked);
        if (asked.type === 'join' && door.#shut) door.#letIn = () => node.send(text);
        else node.send(text);
      });
    });
    return door;
  }

  #letIn = () => {};

  /** @param {number} count @returns {Promise<Asked>} the last of so many joins */
  async asked(count) {
    await until(`join ${count}`, () => this.joins.length >= count);
    return /** @type {Asked} */ (this.joins[count - 1]);
  }

  /** The join that waits goes on to the node. */
  open() {
    this.#shut = false;
    this.#letIn();
  }

  /** @param {Record<string, unknown>} message */
  says(message) {
    this.#socket?.send(JSON.stringify(message));
  }
}
