import { afterEach, describe, expect, it, vi } from 'vitest';

import { hasHardwareH264, preferCodecs, preferred } from './codecs';

const codecs = (...names: string[]): RTCRtpCodec[] =>
  names.map((mimeType) => ({ mimeType, clockRate: 90_000 }));
const names = (list: readonly RTCRtpCodec[]): string[] => list.map(({ mimeType }) => mimeType);

const UA = {
  chrome:
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
  android:
    'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36',
  firefox: 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
  safari:
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15',
  chromeOnIphone:
    'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/126.0 Mobile/15E148 Safari/604.1',
};

afterEach(() => vi.unstubAllGlobals());

describe('preferred codecs', () => {
  it('come first, in the order of preference, and none is lost', () => {
    const audio = codecs('audio/opus', 'audio/red', 'audio/G722', 'audio/CN');
    expect(names(preferred(audio, ['audio/red', 'audio/opus']))).toEqual([
      'audio/red',
      'audio/opus',
      'audio/G722',
      'audio/CN',
    ]);
  });

  it('keep all their variants, in the order of the browser', () => {
    const video = codecs('video/AV1', 'video/H264', 'video/rtx', 'video/VP8', 'video/H264');
    expect(names(preferred(video, ['video/h264']))).toEqual([
      'video/H264',
      'video/H264',
      'video/AV1',
      'video/rtx',
      'video/VP8',
    ]);
  });

  it('do not put a helper in front of what it cannot help', () => {
    const audio = codecs('audio/G722', 'audio/red');
    expect(preferred(audio, ['audio/red', 'audio/opus'])).toEqual(audio);
    expect(preferred([], ['audio/opus'])).toEqual([]);
  });
});

describe('a browser that prefers H.264', () => {
  it('is known by its engine', () => {
    const is = Object.entries(UA).filter(([, agent]) => hasHardwareH264(agent));
    expect(is.map(([name]) => name)).toEqual(['safari', 'chromeOnIphone']);
  });
});

describe('asking for codecs', () => {
  const having = (kinds: Partial<Record<string, RTCRtpCodec[]>>, userAgent = UA.chrome) => {
    vi.stubGlobal('RTCRtpReceiver', { getCapabilities: (kind: string) => ({ codecs: kinds[kind] }) });
    vi.stubGlobal('navigator', { userAgent });
  };
  const transceiver = (setCodecPreferences?: (codecs: RTCRtpCodec[]) => void) =>
    ({ setCodecPreferences }) as unknown as RTCRtpTransceiver;

  it('is done for sound and pictures', () => {
    having({
      audio: codecs('audio/opus', 'audio/red'),
      video: codecs('video/AV1', 'video/VP8'),
    });
    const asked: string[][] = [];
    const one = transceiver((list) => asked.push(names(list)));
    preferCodecs(one, 'audio');
    preferCodecs(one, 'video');
    expect(asked).toEqual([
      ['audio/red', 'audio/opus'],
      ['video/VP8', 'video/AV1'],
    ]);
  });

  it('leaves the pictures of WebKit alone', () => {
    having({ audio: codecs('audio/opus'), video: codecs('video/H264', 'video/VP8') }, UA.safari);
    const asked = vi.fn();
    preferCodecs(transceiver(asked), 'video');
    expect(asked).not.toHaveBeenCalled();
    preferCodecs(transceiver(asked), 'audio');
    expect(asked).toHaveBeenCalledOnce();
  });

  it('is left out where the browser cannot or will not', () => {
    having({ video: codecs('video/VP8') });
    preferCodecs(transceiver(), 'video');
    preferCodecs(
      transceiver(() => {
        throw new DOMException('no', 'InvalidModificationError');
      }),
      'video',
    );
    vi.stubGlobal('RTCRtpReceiver', undefined);
    const asked = vi.fn();
    preferCodecs(transceiver(asked), 'audio');
    expect(asked).not.toHaveBeenCalled();
  });
});
