import { describe, expect, it } from 'vitest';

import {
  BLACK_BELOW,
  browserFinding,
  cameraFinding,
  deviceFinding,
  DOWN_ENOUGH,
  HEARD_ABOVE,
  lineFindings,
  LOSS_HIGH,
  LOSS_TOO_HIGH,
  microphoneFinding,
  RTT_HIGH_MS,
  SILENT_AFTER_MS,
  UP_ENOUGH,
  UP_VOICE_ONLY,
  worst,
} from './findings';
import type { Line } from './line';

const GOOD: Line = {
  protocol: 'udp',
  rttMs: 30,
  upKbps: 2_400,
  downKbps: 2_300,
  lossUp: 0,
  lossDown: 0,
  jitterMs: 4,
};

const codes = (line: Partial<Line>): string[] =>
  lineFindings({ reached: 'media', line: { ...GOOD, ...line } }).map(({ level, code }) => `${level} ${code}`);

describe('the line', () => {
  it('is good, or says what is not', () => {
    expect(codes({})).toEqual(['good lineGood']);
    expect(codes({ upKbps: UP_ENOUGH - 1 })).toEqual(['warn lineUpWeak']);
    expect(codes({ upKbps: UP_VOICE_ONLY - 1 })).toEqual(['bad lineUpTooWeak']);
    expect(codes({ downKbps: DOWN_ENOUGH - 1 })).toEqual(['warn lineDownWeak']);
    expect(codes({ rttMs: RTT_HIGH_MS + 1 })).toEqual(['warn lineSlow']);
    expect(codes({ lossUp: LOSS_HIGH + 0.01 })).toEqual(['warn lineLossy']);
    expect(codes({ lossDown: LOSS_TOO_HIGH + 0.01 })).toEqual(['bad lineLossy']);
    expect(codes({ protocol: 'tcp' })).toEqual(['warn lineTcp']);
  });

  it('at its limits is still good', () => {
    const limits = { upKbps: UP_ENOUGH, downKbps: DOWN_ENOUGH, rttMs: RTT_HIGH_MS, lossUp: LOSS_HIGH };
    expect(codes(limits)).toEqual(['good lineGood']);
  });

  it('is not blamed for what could not be measured', () => {
    const unknown = { protocol: null, rttMs: null, downKbps: null, lossUp: null, lossDown: null, jitterMs: null };
    expect(codes(unknown)).toEqual(['good lineGood']);
  });

  it('says everything that is wrong, the worst first', () => {
    const all = codes({ upKbps: 100, downKbps: 100, rttMs: 900, lossUp: 0.5, protocol: 'tcp' });
    expect(all).toEqual(['bad lineUpTooWeak', 'bad lineLossy', 'warn lineDownWeak', 'warn lineSlow', 'warn lineTcp']);
  });

  it('that does not get that far says how far it got', () => {
    const code = (result: Parameters<typeof lineFindings>[0]): string | undefined => lineFindings(result)[0]?.code;
    expect(code({ reached: 'nothing' })).toBe('lineUnreachable');
    expect(code({ reached: 'server' })).toBe('lineSocketBlocked');
    expect(code({ reached: 'socket', why: 'no_token' })).toBe('lineNoToken');
    expect(code({ reached: 'socket', why: 'refused' })).toBe('lineRefused');
    expect(code({ reached: 'join' })).toBe('lineMediaBlocked');
  });
});

describe('a device', () => {
  it('that is missing stops nobody; one that is refused or broken is wrong', () => {
    expect(deviceFinding('camera', 'missing')).toEqual({ level: 'warn', code: 'cameraMissing' });
    expect(deviceFinding('microphone', 'missing')).toEqual({ level: 'warn', code: 'microphoneMissing' });
    expect(deviceFinding('camera', 'denied')).toEqual({ level: 'bad', code: 'cameraDenied' });
    expect(deviceFinding('microphone', 'busy')).toEqual({ level: 'bad', code: 'microphoneBusy' });
    expect(deviceFinding('camera', 'unknown')).toEqual({ level: 'bad', code: 'cameraFailed' });
  });
});

describe('the camera', () => {
  it('is black only when all of it is', () => {
    expect(cameraFinding([])).toBeUndefined();
    expect(cameraFinding([0, 1, BLACK_BELOW - 1])?.code).toBe('cameraBlack');
    expect(cameraFinding([0, 0, BLACK_BELOW])?.code).toBe('cameraGood');
  });
});

describe('the microphone', () => {
  it('gets time before it counts as silent', () => {
    expect(microphoneFinding(0, SILENT_AFTER_MS - 1, false)).toBeUndefined();
    expect(microphoneFinding(0, SILENT_AFTER_MS, false)?.code).toBe('microphoneSilent');
  });

  it('was heard once and for all, if late', () => {
    expect(microphoneFinding(HEARD_ABOVE, 10, false)?.code).toBe('microphoneGood');
    expect(microphoneFinding(HEARD_ABOVE, 10 * SILENT_AFTER_MS, false)?.code).toBe('microphoneGood');
  });

  it('that the system mutes is not just silent', () => {
    expect(microphoneFinding(0, 0, true)).toEqual({ level: 'bad', code: 'microphoneMuted' });
  });
});

describe('the browser', () => {
  it('needs a secure address first, then abilities', () => {
    const able = { secure: true, peers: true, devices: true };
    expect(browserFinding(able).code).toBe('browserGood');
    expect(browserFinding({ ...able, secure: false, devices: false }).code).toBe('browserInsecure');
    expect(browserFinding({ ...able, peers: false }).code).toBe('browserOld');
    expect(browserFinding({ ...able, devices: false }).code).toBe('browserOld');
  });
});

it('the worst level counts', () => {
  expect(worst([])).toBeUndefined();
  expect(worst(['good'])).toBe('good');
  expect(worst(['good', 'warn'])).toBe('warn');
  expect(worst(['warn', 'bad', 'good'])).toBe('bad');
});
