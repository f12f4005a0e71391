import type { DeviceProblem } from '@firstbell/sdk';

import type { Dictionary } from '../i18n';
import type { DeviceKind } from './local-media';
import type { DeviceNotice } from './loss';

/** The three causes a person can do something about, and all others. */
export type Reason = 'missing' | 'denied' | 'busy' | 'other';

export function reasonOf(problem: DeviceProblem): Reason {
  switch (problem) {
    case 'missing':
    case 'denied':
    case 'busy':
      return problem;
    case 'insecure':
    case 'unsupported':
    case 'cancelled':
    case 'unknown':
      return 'other';
  }
}

export function noticeText(t: Dictionary, kind: DeviceKind, notice: DeviceNotice): string {
  switch (notice.name) {
    case 'switched':
      return t.microphoneSwitched(notice.to);
    case 'unplugged':
      return kind === 'camera' ? t.cameraUnplugged : t.microphoneUnplugged;
  }
}

export function problemText(t: Dictionary, kind: DeviceKind, problem: DeviceProblem): string {
  if (problem === 'insecure') return t.deviceInsecure;
  const camera = kind === 'camera';
  switch (reasonOf(problem)) {
    case 'missing':
      return camera ? t.cameraMissing : t.microphoneMissing;
    case 'denied':
      return camera ? t.cameraDenied : t.microphoneDenied;
    case 'busy':
      return camera ? t.cameraBusy : t.microphoneBusy;
    case 'other':
      return camera ? t.cameraFailed : t.microphoneFailed;
  }
}
