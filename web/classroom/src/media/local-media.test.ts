import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { memoryStorage } from '../../test/memory-storage';
import { LocalMedia, type DeviceKind } from './local-media';

const TRACK_KIND = { camera: 'video', microphone: 'audio' } as const;

class FakeTrack extends EventTarget {
  readonly kind: 'video' | 'audio';
  readonly deviceId: string;
  readonly lines: number | undefined;
  enabled = true;
  stopped = false;

  constructor(kind: DeviceKind, deviceId: string, lines: number | undefined) {
    super();
    this.kind = TRACK_KIND[kind];
    this.deviceId = deviceId;
    this.lines = lines;
  }

  stop(): void {
    this.stopped = true;
  }
}

interface Asked {
  readonly video?: { readonly deviceId?: { exact: string }; readonly height: { ideal: number } };
  readonly audio?: { readonly deviceId?: { exact: string } };
}

/** A browser with cameras and microphones; the test decides what is there and when it opens. */
class FakeDevices extends EventTarget {
  present: readonly string[] = ['front', 'back', 'headset'];
  /** Error names by kind: the device cannot be opened. */
  problems: Partial<Record<DeviceKind, string>> = {};
  /** Resolved by the test when set: opening takes a while. */
  gate: Promise<void> = Promise.resolve();
  readonly opened: FakeTrack[] = [];

  async getUserMedia({ video, audio }: Asked): Promise<{ getTracks: () => FakeTrack[] }> {
    const kind: DeviceKind = video === undefined ? 'microphone' : 'camera';
    const wanted = (video ?? audio)?.deviceId?.exact;
    await this.gate;
    const name = this.problems[kind];
    if (name !== undefined) throw new DOMException('no', name);
    if (wanted !== undefined && !this.present.includes(wanted)) {
      throw new DOMException('gone', 'OverconstrainedError');
    }
    const track = new FakeTrack(kind, wanted ?? 'default', video?.height.ideal);
    this.opened.push(track);
    return { getTracks: () => [track] };
  }

  async enumerateDevices(): Promise<Partial<MediaDeviceInfo>[]> {
    return [
      { deviceId: 'front', kind: 'videoinput', label: 'Front' },
      { deviceId: '', kind: 'videoinput', label: '' },
      { deviceId: 'headset', kind: 'audioinput', label: 'Headset' },
    ];
  }

  of(kind: DeviceKind): readonly FakeTrack[] {
    return this.opened.filter((track) => track.kind === TRACK_KIND[kind]);
  }
}

let devices: FakeDevices;

beforeEach(() => {
  devices = new FakeDevices();
  vi.stubGlobal('navigator', { mediaDevices: devices });
  vi.stubGlobal('localStorage', memoryStorage());
  vi.stubGlobal('sessionStorage', memoryStorage());
});
afterEach(() => vi.unstubAllGlobals());

const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
};

async function opened(): Promise<LocalMedia> {
  const media = new LocalMedia();
  media.open();
  await settled();
  return media;
}

describe('devices before and in class', () => {
  it('are both opened, once', async () => {
    const media = await opened();
    media.open();
    await settled();
    expect(devices.opened).toHaveLength(2);
    expect(media.devices.camera.track).toBe(devices.of('camera')[0]);
    expect(media.devices.microphone.track).toBe(devices.of('microphone')[0]);
  });

  it('are opened only as far as they are on, also after a reload', async () => {
    const media = await opened();
    media.switch('camera', false);
    const reloaded = await opened();
    expect(reloaded.devices.camera).toMatchObject({ on: false, track: null });
    expect(reloaded.devices.microphone.on).toBe(true);
    expect(devices.of('camera')).toHaveLength(1);
  });

  it('are let go of, and stay on for the next class', async () => {
    const media = await opened();
    media.release();
    expect(devices.opened.every(({ stopped }) => stopped)).toBe(true);
    expect(media.devices.camera).toMatchObject({ on: true, track: null });
    media.open();
    await settled();
    expect(devices.opened).toHaveLength(4);
  });

  it('are named once one is open, and only those that can be chosen', async () => {
    const media = await opened();
    expect(media.available('camera').map(({ deviceId }) => deviceId)).toEqual(['front']);
    expect(media.available('microphone').map(({ deviceId }) => deviceId)).toEqual(['headset']);
  });
});

describe('a switch', () => {
  it('lets go of the camera, and opens it again', async () => {
    const media = await opened();
    media.switch('camera', false);
    expect(devices.of('camera')[0]?.stopped).toBe(true);
    media.switch('camera', true);
    await settled();
    expect(devices.of('camera')).toHaveLength(2);
    expect(media.devices.camera.track).toBe(devices.of('camera')[1]);
  });

  it('keeps the microphone open, so that unmuting is instant', async () => {
    const media = await opened();
    const [track] = devices.of('microphone');
    media.switch('microphone', false);
    expect(track).toMatchObject({ enabled: false, stopped: false });
    media.switch('microphone', true);
    expect(track?.enabled).toBe(true);
    expect(devices.of('microphone')).toHaveLength(1);
  });

  it('that is off while the camera opens wins over it', async () => {
    let open = (): void => undefined;
    devices.gate = new Promise((resolve) => (open = resolve));
    const media = new LocalMedia();
    media.open();
    media.switch('camera', false);
    open();
    await settled();
    expect(media.devices.camera.track).toBeNull();
    expect(devices.of('camera')[0]?.stopped).toBe(true);
  });

  it('that is off while the microphone opens mutes it', async () => {
    let open = (): void => undefined;
    devices.gate = new Promise((resolve) => (open = resolve));
    const media = new LocalMedia();
    media.open();
    media.switch('microphone', false);
    open();
    await settled();
    expect(devices.of('microphone')[0]).toMatchObject({ enabled: false, stopped: false });
  });
});

describe('a chosen device', () => {
  it('takes the place of the former one, and is used after a reload', async () => {
    const media = await opened();
    media.choose('camera', 'back');
    await settled();
    expect(devices.of('camera').map(({ deviceId, stopped }) => [deviceId, stopped])).toEqual([
      ['default', true],
      ['back', false],
    ]);
    await opened();
    expect(devices.of('camera').at(-1)?.deviceId).toBe('back');
  });

  it('that is gone is replaced by whichever there is', async () => {
    const media = await opened();
    devices.present = ['front'];
    media.choose('camera', 'back');
    await settled();
    expect(devices.of('camera').at(-1)?.deviceId).toBe('default');
    expect(media.devices.camera).toMatchObject({ on: true, problem: null, chosen: 'back' });
  });

  it('is not opened while it is off', async () => {
    const media = await opened();
    media.switch('camera', false);
    media.choose('camera', 'back');
    await settled();
    expect(devices.of('camera')).toHaveLength(1);
  });
});

describe('a problem', () => {
  it('switches the device off and says why, until the person has read it', async () => {
    devices.problems = { camera: 'NotAllowedError' };
    const media = await opened();
    expect(media.devices.camera).toMatchObject({ on: false, problem: 'denied', track: null });
    expect(media.devices.microphone.problem).toBeNull();
    media.dismiss('camera');
    expect(media.devices.camera.problem).toBeNull();
  });

  it('is told when a device is unplugged, but not of one that is not in use any more', async () => {
    const media = await opened();
    const [first] = devices.of('camera');
    media.choose('camera', 'back');
    await settled();
    first?.dispatchEvent(new Event('ended'));
    expect(media.devices.camera.on).toBe(true);
    devices.of('camera')[1]?.dispatchEvent(new Event('ended'));
    expect(media.devices.camera).toMatchObject({ on: false, problem: 'missing', track: null });
  });
});

describe('the size of the camera', () => {
  it('is the given one, and another one opens it anew', async () => {
    const media = await opened();
    media.setCameraHeight(360);
    await settled();
    expect(devices.of('camera')).toHaveLength(1);
    media.setCameraHeight(720);
    await settled();
    expect(devices.of('camera').map(({ lines, stopped }) => [lines, stopped])).toEqual([
      [360, true],
      [720, false],
    ]);
  });

  it('opens nothing that is off', async () => {
    const media = await opened();
    media.switch('camera', false);
    media.setCameraHeight(720);
    await settled();
    expect(devices.of('camera')).toHaveLength(1);
    media.switch('camera', true);
    await settled();
    expect(devices.of('camera').at(-1)?.lines).toBe(720);
  });
});

describe('what was kept in the browser', () => {
  it('is not used if it is broken', async () => {
    sessionStorage.setItem('firstbell.media', '{"camera":"yes","microphone":true}');
    localStorage.setItem('firstbell.devices', '[1]');
    const media = await opened();
    expect(media.devices.camera).toMatchObject({ on: true, chosen: '' });
  });
});
