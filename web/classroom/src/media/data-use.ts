import type { CameraHeight, VideoSource } from '@firstbell/sdk';

import { recall, remember } from '../storage';

/** How much of the line the person wants the class to use: their own choice, kept in the browser. */
export type DataUse = 'full' | 'save' | 'sound';

export const DATA_USES: readonly DataUse[] = ['full', 'save', 'sound'];

/** Pictures at once while saving. */
const SAVING_PICTURES = 4;
/** Lines of a picture while saving: a thumbnail, but text that can be read. */
const SAVING_LINES: Readonly<Record<VideoSource, number>> = { camera: 180, screen: 720 };

/** Below these a computer rather encodes less: pictures stutter and fans drown the teacher. */
const LARGE_PICTURE = { cores: 4, shorterSide: 700 };

/** How many of `places` may be filled with pictures. */
export function picturesFor(use: DataUse, places: number): number {
  switch (use) {
    case 'full':
      return places;
    case 'save':
      return Math.min(SAVING_PICTURES, places);
    case 'sound':
      return 0;
  }
}

/** The most lines to ask of a picture, however large it is shown. */
export function linesFor(use: DataUse, source: VideoSource): number {
  switch (use) {
    case 'full':
      return Infinity;
    case 'save':
      return SAVING_LINES[source];
    case 'sound':
      return 0;
  }
}

/** In which size the own camera is opened. */
export function cameraHeightFor(
  use: DataUse,
  { cores, shorterSide }: { readonly cores: number; readonly shorterSide: number },
): CameraHeight {
  const strong = cores >= LARGE_PICTURE.cores && shorterSide >= LARGE_PICTURE.shorterSide;
  return use === 'full' && strong ? 720 : 360;
}

export function recallDataUse(): DataUse {
  return recall('local', 'dataUse', 'full', isDataUse);
}

export function rememberDataUse(use: DataUse): void {
  remember('local', 'dataUse', use);
}

function isDataUse(value: unknown): value is DataUse {
  return DATA_USES.includes(value as DataUse);
}
