/** A codec as browsers describe it. */
type Codec = RTCRtpCodec;

/** Formats of which no stream consists: they come with the others. */
const HELPERS = /^(audio|video)\/(rtx|red|ulpfec|flexfec-03)$/i;

/** RED first: with it a lost packet is repeated in the next ones (RFC 2198). */
const AUDIO = ['audio/red', 'audio/opus'];
/** What every browser decodes and encodes in several sizes at once. */
const VIDEO = ['video/vp8'];

/**
 * Asks for the codecs this SDK prefers on a sending m-line. The others stay behind them: the node
 * chooses. A browser that does not let us keeps its own order.
 */
export function preferCodecs(transceiver: RTCRtpTransceiver, kind: 'audio' | 'video'): void {
  const codecs = globalThis.RTCRtpReceiver?.getCapabilities?.(kind)?.codecs;
  if (codecs === undefined || transceiver.setCodecPreferences === undefined) return;
  if (kind === 'video' && hasHardwareH264(navigator.userAgent)) return;
  try {
    transceiver.setCodecPreferences(preferred(codecs, kind === 'audio' ? AUDIO : VIDEO));
  } catch {
    // Its own order is good as well.
  }
}

/**
 * `codecs` with those in `first` before all others, each group in the browser's own order. Without
 * any stream format of `first` nothing changes.
 */
export function preferred(codecs: readonly Codec[], first: readonly string[]): Codec[] {
  const rank = ({ mimeType }: Codec): number => {
    const place = first.indexOf(mimeType.toLowerCase());
    return place === -1 ? first.length : place;
  };
  const usable = codecs.some(
    (codec) => rank(codec) < first.length && !HELPERS.test(codec.mimeType),
  );
  if (!usable) return [...codecs];
  return [...codecs].sort((a, b) => rank(a) - rank(b));
}

/** WebKit (Safari, and every browser on iOS) has H.264 first, encoded by the hardware. */
export function hasHardwareH264(userAgent: string): boolean {
  return /AppleWebKit/.test(userAgent) && !/Chrom(e|ium)|Android/.test(userAgent);
}
