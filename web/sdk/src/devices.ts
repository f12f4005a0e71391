/** Why a camera, microphone or screen cannot be used. Stable: pages choose their text by it. */
export type DeviceProblem =
  | 'denied'
  | 'missing'
  | 'busy'
  /** The page is not on HTTPS (or localhost), or the browser has no media devices at all. */
  | 'insecure'
  | 'unsupported'
  /** The person closed the picker. */
  | 'cancelled'
  | 'unknown';

export class DeviceError extends Error {
  readonly problem: DeviceProblem;
  constructor(problem: DeviceProblem, cause: unknown) {
    super(`device ${problem}`, { cause });
    this.name = 'DeviceError';
    this.problem = problem;
  }
}

/** Lines a camera is opened with. */
export type CameraHeight = 360 | 720;

/**
 * `height`: 360 is sharp enough for a tile and cheap enough for an old tablet to encode, 720 is for
 * a picture that others show large. A camera that has neither gives what is nearest.
 */
export async function openCamera(
  deviceId?: string,
  height: CameraHeight = 360,
): Promise<MediaStreamTrack> {
  const video = {
    width: { ideal: (height * 16) / 9 },
    height: { ideal: height },
    frameRate: { ideal: 24, max: 30 },
    ...(deviceId === undefined ? {} : { deviceId: { exact: deviceId } }),
  };
  return first(await capture({ video }), 'video');
}

export async function openMicrophone(deviceId?: string): Promise<MediaStreamTrack> {
  const audio = {
    echoCancellation: true,
    noiseSuppression: true,
    autoGainControl: true,
    ...(deviceId === undefined ? {} : { deviceId: { exact: deviceId } }),
  };
  return first(await capture({ audio }), 'audio');
}

/**
 * The screen, with its sound where the browser and the person allow it. `framerate` as in a
 * session's `screenFramerate`.
 */
export async function openScreen(framerate = 15): Promise<MediaStream> {
  if (navigator.mediaDevices?.getDisplayMedia === undefined) {
    throw new DeviceError(globalThis.isSecureContext ? 'unsupported' : 'insecure', undefined);
  }
  try {
    return await navigator.mediaDevices.getDisplayMedia({
      video: { frameRate: { ideal: framerate, max: 30 } },
      audio: true,
    });
  } catch (error) {
    // For a screen, "not allowed" is how browsers report a picker that was closed.
    const problem = problemOf(error);
    throw new DeviceError(problem === 'denied' ? 'cancelled' : problem, error);
  }
}

/** Devices by kind. Labels are empty until the person allowed one. */
export async function listDevices(): Promise<readonly MediaDeviceInfo[]> {
  try {
    return (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  } catch {
    return [];
  }
}

async function capture(constraints: MediaStreamConstraints): Promise<MediaStream> {
  if (navigator.mediaDevices?.getUserMedia === undefined) {
    throw new DeviceError('insecure', undefined);
  }
  try {
    return await navigator.mediaDevices.getUserMedia(constraints);
  } catch (error) {
    throw new DeviceError(problemOf(error), error);
  }
}

function first(stream: MediaStream, kind: 'audio' | 'video'): MediaStreamTrack {
  const track = stream.getTracks().find((candidate) => candidate.kind === kind);
  if (track === undefined) throw new DeviceError('missing', undefined);
  return track;
}

/** Browsers disagree on little here; the names are those of the Media Capture specification. */
export function problemOf(error: unknown): DeviceProblem {
  switch (error instanceof Error ? error.name : '') {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'denied';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'missing';
    case 'NotReadableError':
    case 'AbortError':
      return 'busy';
    case 'NotSupportedError':
      return 'unsupported';
    default:
      return 'unknown';
  }
}
