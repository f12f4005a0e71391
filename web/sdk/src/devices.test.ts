import { afterEach, describe, expect, it, vi } from 'vitest';

import { FakeTrack } from '../test/fake-peer';
import { DeviceError, listDevices, openCamera, openMicrophone, openScreen, problemOf } from './devices';

afterEach(() => vi.unstubAllGlobals());

const streamOf = (...kinds: ('audio' | 'video')[]) => {
  const tracks = kinds.map((kind) => new FakeTrack(kind));
  return { getTracks: () => tracks } as unknown as MediaStream;
};
const failing = (name: string) => () => Promise.reject(new DOMException('no', name));

/** A browser that has these ways to its devices. */
function browser(mediaDevices: Partial<Record<keyof MediaDevices, unknown>>, isSecureContext = true) {
  vi.stubGlobal('navigator', { mediaDevices });
  vi.stubGlobal('isSecureContext', isSecureContext);
}

async function problem(opening: Promise<unknown>): Promise<string> {
  const error = await opening.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(DeviceError);
  return (error as DeviceError).problem;
}

describe('a camera', () => {
  it('is opened in the size that is asked for', async () => {
    const asked = vi.fn().mockImplementation(async () => streamOf('video'));
    browser({ getUserMedia: asked });
    await openCamera();
    await openCamera(undefined, 720);
    const sizes = asked.mock.calls.map(([{ audio, video }]) => [
      audio,
      video.width.ideal,
      video.height.ideal,
      video.deviceId,
    ]);
    expect(sizes).toEqual([
      [undefined, 640, 360, undefined],
      [undefined, 1280, 720, undefined],
    ]);
  });

  it('is the chosen one or none', async () => {
    const asked = vi.fn().mockImplementation(async () => streamOf('video'));
    browser({ getUserMedia: asked });
    const track = await openCamera('front');
    expect(track.kind).toBe('video');
    expect(asked.mock.calls[0]?.[0].video.deviceId).toEqual({ exact: 'front' });
  });

  it('that gives no picture is missing', async () => {
    browser({ getUserMedia: async () => streamOf() });
    expect(await problem(openCamera())).toBe('missing');
  });
});

describe('a microphone', () => {
  it('is opened without echo and noise, and without a picture', async () => {
    const asked = vi.fn().mockImplementation(async () => streamOf('audio'));
    browser({ getUserMedia: asked });
    await openMicrophone('headset');
    expect(asked).toHaveBeenCalledExactlyOnceWith({
      audio: {
        echoCancellation: true,
        noiseSuppression: true,
        autoGainControl: true,
        deviceId: { exact: 'headset' },
      },
    });
  });
});

describe('a device that cannot be opened', () => {
  it.each([
    ['NotAllowedError', 'denied'],
    ['SecurityError', 'denied'],
    ['NotFoundError', 'missing'],
    ['OverconstrainedError', 'missing'],
    ['NotReadableError', 'busy'],
    ['AbortError', 'busy'],
    ['NotSupportedError', 'unsupported'],
    ['SomethingNew', 'unknown'],
  ])('with %s is %s', async (name, expected) => {
    browser({ getUserMedia: failing(name) });
    expect(await problem(openMicrophone())).toBe(expected);
    expect(problemOf(new DOMException('no', name))).toBe(expected);
  });

  it('is so because the page is not secure, where the browser has no devices at all', async () => {
    browser({});
    expect(await problem(openCamera())).toBe('insecure');
    vi.stubGlobal('navigator', {});
    expect(await problem(openMicrophone())).toBe('insecure');
  });

  it('has an unknown problem if what was thrown is no error', () => {
    for (const thrown of [undefined, null, 'text', { name: 'NotAllowedError' }]) {
      expect(problemOf(thrown)).toBe('unknown');
    }
  });
});

describe('a screen', () => {
  it('comes with its sound, and with as many pictures a second as asked', async () => {
    const asked = vi.fn().mockImplementation(async () => streamOf('video', 'audio'));
    browser({ getDisplayMedia: asked });
    await openScreen();
    await openScreen(5);
    expect(asked.mock.calls.map(([{ audio, video }]) => [audio, video.frameRate.ideal])).toEqual([
      [true, 15],
      [true, 5],
    ]);
  });

  it('that was not picked is cancelled, not denied', async () => {
    browser({ getDisplayMedia: failing('NotAllowedError') });
    expect(await problem(openScreen())).toBe('cancelled');
    browser({ getDisplayMedia: failing('NotReadableError') });
    expect(await problem(openScreen())).toBe('busy');
  });

  it('cannot be shared on phones, nor on pages that are not secure', async () => {
    browser({ getUserMedia: async () => streamOf('video') });
    expect(await problem(openScreen())).toBe('unsupported');
    browser({}, false);
    expect(await problem(openScreen())).toBe('insecure');
  });
});

describe('the list of devices', () => {
  it('is empty where the browser tells none', async () => {
    const device = { deviceId: 'front', kind: 'videoinput' };
    browser({ enumerateDevices: async () => [device] });
    expect(await listDevices()).toEqual([device]);
    browser({ enumerateDevices: failing('NotAllowedError') });
    expect(await listDevices()).toEqual([]);
    vi.stubGlobal('navigator', {});
    expect(await listDevices()).toEqual([]);
  });
});
