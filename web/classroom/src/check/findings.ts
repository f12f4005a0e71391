import type { DeviceProblem } from '@firstbell/sdk';

import type { DeviceKind } from '../media/local-media';
import { reasonOf } from '../media/problems';
import type { LineResult, Line } from './line';
import type { FindingCode } from './texts';

export type Level = 'good' | 'warn' | 'bad';

/** One thing the check found out. The code names its texts: what it is, and what to do about it. */
export interface Finding {
  readonly level: Level;
  readonly code: FindingCode;
}

const finding = (level: Level, code: FindingCode): Finding => ({ level, code });

// --- the browser ---

export interface BrowserAbilities {
  readonly secure: boolean;
  readonly peers: boolean;
  readonly devices: boolean;
}

export function browserFinding({ secure, peers, devices }: BrowserAbilities): Finding {
  if (!secure) return finding('bad', 'browserInsecure');
  if (!peers || !devices) return finding('bad', 'browserOld');
  return finding('good', 'browserGood');
}

// --- camera and microphone ---

export function deviceFinding(kind: DeviceKind, problem: DeviceProblem): Finding {
  const camera = kind === 'camera';
  switch (reasonOf(problem)) {
    case 'denied':
      return finding('bad', camera ? 'cameraDenied' : 'microphoneDenied');
    case 'missing':
      return finding('warn', camera ? 'cameraMissing' : 'microphoneMissing');
    case 'busy':
      return finding('bad', camera ? 'cameraBusy' : 'microphoneBusy');
    case 'other':
      return finding('bad', camera ? 'cameraFailed' : 'microphoneFailed');
  }
}

/** A picture this dark everywhere is a cover or a switch, not a dark room: 0 to 255. */
export const BLACK_BELOW = 6;

/** `luma`: brightness of sampled pixels, 0 to 255; empty while there is no picture yet. */
export function cameraFinding(luma: readonly number[]): Finding | undefined {
  if (luma.length === 0) return undefined;
  const isBlack = luma.every((value) => value < BLACK_BELOW);
  return isBlack ? finding('warn', 'cameraBlack') : finding('good', 'cameraGood');
}

/** Louder than a quiet room, quieter than speech: on the level meter's scale from 0 to 1. */
export const HEARD_ABOVE = 0.25;
/** Nobody was heard for this long: time to say so. */
export const SILENT_AFTER_MS = 8_000;

export function microphoneFinding(
  loudest: number,
  listeningMs: number,
  mutedBySystem: boolean,
): Finding | undefined {
  if (mutedBySystem) return finding('bad', 'microphoneMuted');
  if (loudest >= HEARD_ABOVE) return finding('good', 'microphoneGood');
  return listeningMs >= SILENT_AFTER_MS ? finding('warn', 'microphoneSilent') : undefined;
}

// --- the line ---

/** Kilobits per second: voice and a small picture up; voices and a few small pictures down. */
export const UP_ENOUGH = 900;
export const UP_VOICE_ONLY = 300;
export const DOWN_ENOUGH = 1_500;
/** Above it people begin to talk at the same time: milliseconds there and back. */
export const RTT_HIGH_MS = 300;
/** Shares of packets. Above the first one pictures freeze now and then, above the second sound breaks. */
export const LOSS_HIGH = 0.03;
export const LOSS_TOO_HIGH = 0.1;

/** All that is worth saying about a line, worst first. */
export function lineFindings(result: LineResult): readonly Finding[] {
  switch (result.reached) {
    case 'nothing':
      return [finding('bad', 'lineUnreachable')];
    case 'server':
      return [finding('bad', 'lineSocketBlocked')];
    case 'socket':
      return [finding('warn', result.why === 'no_token' ? 'lineNoToken' : 'lineRefused')];
    case 'join':
      return [finding('bad', 'lineMediaBlocked')];
    case 'media':
      return measured(result.line);
  }
}

function measured({ upKbps, downKbps, rttMs, lossUp, lossDown, protocol }: Line): readonly Finding[] {
  const found: Finding[] = [];
  const loss = Math.max(lossUp ?? 0, lossDown ?? 0);
  if (upKbps < UP_VOICE_ONLY) found.push(finding('bad', 'lineUpTooWeak'));
  if (loss > LOSS_TOO_HIGH) found.push(finding('bad', 'lineLossy'));
  if (upKbps >= UP_VOICE_ONLY && upKbps < UP_ENOUGH) found.push(finding('warn', 'lineUpWeak'));
  if (downKbps !== null && downKbps < DOWN_ENOUGH) found.push(finding('warn', 'lineDownWeak'));
  if (loss > LOSS_HIGH && loss <= LOSS_TOO_HIGH) found.push(finding('warn', 'lineLossy'));
  if (rttMs !== null && rttMs > RTT_HIGH_MS) found.push(finding('warn', 'lineSlow'));
  if (protocol === 'tcp') found.push(finding('warn', 'lineTcp'));
  return found.length === 0 ? [finding('good', 'lineGood')] : found;
}

/** The worst of several. `undefined`: there are none yet. */
export function worst(levels: readonly Level[]): Level | undefined {
  if (levels.length === 0) return undefined;
  if (levels.includes('bad')) return 'bad';
  return levels.includes('warn') ? 'warn' : 'good';
}
