import type { Layout } from './format';

/**
 * Which layout a frame that is about to be sent has. `undefined`: a format that this transform does
 * not know, which must not leave at all.
 */
export function layoutOf(
  kind: 'audio' | 'video',
  mimeType: string | undefined,
  frame: Uint8Array,
): Layout | undefined {
  switch (mimeType?.toLowerCase()) {
    case 'audio/opus':
      return 'opus';
    case 'video/vp8':
      return 'vp8';
    case 'video/h264':
      return 'h264';
    case undefined:
      // Browsers that do not say it send what was negotiated: Opus, and VP8 or H.264.
      if (kind === 'audio') return 'opus';
      return startsUnit(frame) ? 'h264' : 'vp8';
    default:
      return undefined;
  }
}

/**
 * Annex B's start code. No VP8 frame looks like it: an interframe starts with an odd byte, and a
 * keyframe has 0x9D as its fourth byte, which no H.264 unit starts with.
 */
function startsUnit([b0, b1, b2, b3]: Uint8Array): boolean {
  if (b0 !== 0 || b1 !== 0) return false;
  return (b2 === 1 && b3 !== 0x9d) || (b2 === 0 && b3 === 1);
}
