import {
  DeviceError,
  Emitter,
  listDevices,
  openCamera,
  openMicrophone,
  type CameraHeight,
  type DeviceProblem,
} from '@firstbell/sdk';

import { recall, remember } from '../storage';
import { applyBlur } from './blur';
import { lossPlan, type DeviceNotice } from './loss';

export type DeviceKind = 'camera' | 'microphone';

/** One of the person's own devices as the page shows it. */
export interface Device {
  /** Wanted on; `track` follows, or `problem` says why not. */
  readonly on: boolean;
  /** The open device. A muted microphone stays open, so that unmuting is instant. */
  readonly track: MediaStreamTrack | null;
  readonly problem: DeviceProblem | null;
  /** It came or went by itself. */
  readonly notice: DeviceNotice | null;
  /** Device id; `''` is the browser's choice. */
  readonly chosen: string;
}

type Devices = Readonly<Record<DeviceKind, Device>>;

/** The person's camera and microphone: the only owner of both, before, in and between classes. */
export class LocalMedia extends Emitter<{ change: void }> {
  #devices: Devices;
  #available: readonly MediaDeviceInfo[] = [];
  #cameraHeight: CameraHeight;
  #blurred = recall('local', 'blur', false, isBoolean);
  /** Openings started under an older number are stale: their track is stopped. */
  readonly #openings: Record<DeviceKind, number> = { camera: 0, microphone: 0 };

  constructor(cameraHeight: CameraHeight = 360) {
    super();
    this.#cameraHeight = cameraHeight;
    const on = recall('session', 'media', { camera: true, microphone: true }, isSwitches);
    const chosen = recall('local', 'devices', { camera: '', microphone: '' }, isChoices);
    const device = (kind: DeviceKind): Device => ({
      on: on[kind],
      track: null,
      problem: null,
      notice: null,
      chosen: chosen[kind],
    });
    this.#devices = { camera: device('camera'), microphone: device('microphone') };
    navigator.mediaDevices?.addEventListener?.('devicechange', () => void this.#devicesChanged());
  }

  get devices(): Devices {
    return this.#devices;
  }

  /** The person wants a blurred background, where the camera can. */
  get blurred(): boolean {
    return this.#blurred;
  }

  blur(on: boolean): void {
    this.#blurred = on;
    remember('local', 'blur', on);
    const { track } = this.#devices.camera;
    if (track !== null) applyBlur(track, on).catch(reportError);
    this.emit('change', undefined);
  }

  available(kind: DeviceKind): readonly MediaDeviceInfo[] {
    const wanted = kind === 'camera' ? 'videoinput' : 'audioinput';
    return this.#available.filter((device) => device.kind === wanted && device.deviceId !== '');
  }

  /** Opens what is switched on and not open yet. */
  open(): void {
    for (const kind of ['microphone', 'camera'] as const) {
      const { on, track } = this.#devices[kind];
      if (on && track === null) void this.#open(kind);
    }
    void this.#refresh();
  }

  /** Opens both, whatever the switches say, which stay as they are for the class. */
  tryOut(): void {
    for (const kind of ['microphone', 'camera'] as const) this.#set(kind, { on: true, problem: null });
    this.open();
  }

  switch(kind: DeviceKind, on: boolean): void {
    const { track } = this.#devices[kind];
    if (!on && kind === 'camera') this.#close(kind);
    if (track !== null && kind === 'microphone') track.enabled = on;
    this.#set(kind, { on, problem: null, notice: null });
    this.#rememberSwitches();
    if (on && this.#devices[kind].track === null) void this.#open(kind);
  }

  choose(kind: DeviceKind, deviceId: string): void {
    this.#set(kind, { chosen: deviceId });
    const { camera, microphone } = this.#devices;
    remember('local', 'devices', { camera: camera.chosen, microphone: microphone.chosen });
    const { on, track } = this.#devices[kind];
    if (on || track !== null) void this.#open(kind);
  }

  /** In which size the camera is opened; an open one is opened anew. */
  setCameraHeight(height: CameraHeight): void {
    if (height === this.#cameraHeight) return;
    this.#cameraHeight = height;
    if (this.#devices.camera.track !== null) void this.#open('camera');
  }

  /** The person has read what is wrong. */
  dismiss(kind: DeviceKind): void {
    this.#set(kind, { problem: null, notice: null });
  }

  /** Lets go of both devices; the switches stay for the next class. */
  release(): void {
    this.#close('camera');
    this.#close('microphone');
  }

  async #open(kind: DeviceKind): Promise<void> {
    this.#openings[kind] += 1;
    const opening = this.#openings[kind];
    try {
      const track = await openDevice(kind, this.#devices[kind].chosen, this.#cameraHeight);
      if (opening !== this.#openings[kind]) {
        track.stop();
        return;
      }
      this.#devices[kind].track?.stop();
      track.addEventListener('ended', () => void this.#lost(kind, track));
      if (kind === 'microphone') track.enabled = this.#devices[kind].on;
      else if (this.#blurred) applyBlur(track, true).catch(reportError);
      this.#set(kind, { track, problem: null });
      // Names of devices are known only once one is open.
      void this.#refresh();
    } catch (error) {
      if (opening !== this.#openings[kind]) return;
      this.#close(kind);
      const problem = error instanceof DeviceError ? error.problem : 'unknown';
      this.#set(kind, { on: false, problem });
    }
  }

  #close(kind: DeviceKind): void {
    this.#openings[kind] += 1;
    this.#devices[kind].track?.stop();
    this.#set(kind, { track: null });
  }

  /** Unplugged, or taken away in the browser's settings. */
  async #lost(kind: DeviceKind, track: MediaStreamTrack): Promise<void> {
    const device = this.#devices[kind];
    if (device.track !== track) return;
    const from = track.label;
    this.#set(kind, { track: null, on: false, problem: 'missing', notice: { name: 'unplugged', from } });
    await this.#refresh();
    const others = this.available(kind).filter(({ label }) => label !== from).length;
    // The person may have acted meanwhile.
    if (this.#devices[kind].notice?.name !== 'unplugged') return;
    if (lossPlan(kind, device.on, others).do === 'stop') return;
    this.#set(kind, { on: true, problem: null });
    await this.#open(kind);
    const to = this.#devices[kind].track?.label;
    if (to !== undefined) this.#set(kind, { notice: { name: 'switched', from, to } });
  }

  async #devicesChanged(): Promise<void> {
    await this.#refresh();
    for (const kind of ['microphone', 'camera'] as const) {
      // There is one again: what the page says of it is no longer true.
      const { problem } = this.#devices[kind];
      if (problem === 'missing' && this.available(kind).length > 0) this.#set(kind, { problem: null });
    }
  }

  async #refresh(): Promise<void> {
    this.#available = await listDevices();
    this.emit('change', undefined);
  }

  #rememberSwitches(): void {
    const { camera, microphone } = this.#devices;
    remember('session', 'media', { camera: camera.on, microphone: microphone.on });
  }

  #set(kind: DeviceKind, change: Partial<Device>): void {
    this.#devices = { ...this.#devices, [kind]: { ...this.#devices[kind], ...change } };
    this.emit('change', undefined);
  }
}

/** The chosen device or, when it is gone since, whichever there is. */
async function openDevice(
  kind: DeviceKind,
  chosen: string,
  height: CameraHeight,
): Promise<MediaStreamTrack> {
  const open = (deviceId?: string): Promise<MediaStreamTrack> =>
    kind === 'camera' ? openCamera(deviceId, height) : openMicrophone(deviceId);
  if (chosen === '') return open();
  try {
    return await open(chosen);
  } catch (error) {
    if (error instanceof DeviceError && error.problem === 'missing') return open();
    throw error;
  }
}

function isBoolean(value: unknown): value is boolean {
  return typeof value === 'boolean';
}

function isSwitches(value: unknown): value is Record<DeviceKind, boolean> {
  return hasBoth(value, 'boolean');
}

function isChoices(value: unknown): value is Record<DeviceKind, string> {
  return hasBoth(value, 'string');
}

function hasBoth(value: unknown, type: 'boolean' | 'string'): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { camera, microphone } = value as Record<string, unknown>;
  return typeof camera === type && typeof microphone === type;
}
