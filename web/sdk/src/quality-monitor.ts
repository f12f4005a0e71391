import { Emitter } from './emitter';
import { between, countersOf, type Counters } from './media-stats';
import type { Line } from './protocol';
import {
  FRESH,
  judge,
  judgeLine,
  LOST,
  sameQuality,
  settle,
  worse,
  type Quality,
  type Standing,
} from './quality';
import { flowIn, type Flow, type SessionState } from './state';

/** Long enough that one burst of lost packets is not a trend, short enough to be of use. */
const SAMPLE_MS = 3_000;

/** What a page hears of its own connection. */
export interface QualityEvents {
  /** `null`: there is no connection to speak of. */
  quality: Quality | null;
  /** What the node makes of the line; `null`: nothing yet. */
  line: Line | null;
}

/**
 * Keeps an eye on one client's connection: on what the browser counts, and on what the node says of
 * the line. The only owner of both.
 */
export class QualityMonitor extends Emitter<QualityEvents> {
  #peer: RTCPeerConnection | undefined;
  #flow: Flow = 'none';
  #line: Line | null = null;
  #standing: Standing = FRESH;
  #last: Counters | undefined;
  #quality: Quality | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** `null` while there is no connection to speak of. */
  get quality(): Quality | null {
    return this.#quality;
  }
  /** As the node last said; `null`: nothing yet. */
  get line(): Line | null {
    return this.#line;
  }

  /** Another connection, or none. What was known is about the former one. */
  watch(peer: RTCPeerConnection | undefined): void {
    if (peer === this.#peer) return;
    this.#peer = peer;
    this.#forget();
    this.#setLine(null);
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (peer !== undefined) this.#timer = setInterval(() => void this.#sample(peer), SAMPLE_MS);
    this.#update();
  }

  /** The session is in another state. */
  enter(state: SessionState): void {
    const flow = flowIn(state, this.#flow);
    if (flow === this.#flow) return;
    this.#flow = flow;
    this.#forget();
    this.#update();
  }

  receive({ downlink_kbps, video, reason, uplink }: Line): void {
    this.#setLine({ downlink_kbps, video, reason, uplink });
    this.#update();
  }

  async #sample(peer: RTCPeerConnection): Promise<void> {
    const report = await peer.getStats().catch(() => undefined);
    if (report === undefined || peer !== this.#peer || this.#flow !== 'flows') return;
    const counters = countersOf(report.values(), performance.now());
    if (this.#last !== undefined) {
      this.#standing = settle(this.#standing, judge(between(this.#last, counters)));
    }
    this.#last = counters;
    this.#update();
  }

  #setLine(line: Line | null): void {
    if (line === this.#line) return;
    this.#line = line;
    this.emit('line', line);
  }

  #forget(): void {
    this.#standing = FRESH;
    this.#last = undefined;
  }

  #update(): void {
    const quality = this.#current();
    if (sameQuality(quality, this.#quality)) return;
    this.#quality = quality;
    this.emit('quality', quality);
  }

  #current(): Quality | null {
    switch (this.#flow) {
      case 'none':
        return null;
      case 'interrupted':
        return LOST;
      case 'flows':
        return worse(judgeLine(this.#line), this.#standing.shown);
    }
  }
}
