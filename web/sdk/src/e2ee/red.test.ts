import { describe, expect, it } from 'vitest';

import { ANNA, BEN, bytes, noise, ring } from '../../test/e2ee/frames';
import { Opener } from './opener';
import { AudioReceiver, People } from './receiver';
import { MAX_BLOCKS, readRed, writeRed } from './red';
import { Sealer } from './sealer';

const block = (offset: number | null, data: Uint8Array<ArrayBuffer>) => ({ payloadType: 111, offset, data });

describe('a payload of several frames', () => {
  it('reads back as it was written', () => {
    const blocks = [block(1_920, noise(50)), block(960, noise(70, 2)), block(null, noise(60, 3))];
    expect(readRed(writeRed(blocks))).toEqual(blocks);
    expect(readRed(writeRed([block(null, bytes())]))).toEqual([block(null, bytes())]);
    expect(readRed(writeRed([block(16_383, noise(1_023)), block(null, bytes(1))]))?.[0]?.offset).toBe(16_383);
  });

  it('is refused when it is cut short or has too many', () => {
    const payload = writeRed([block(960, noise(20)), block(null, bytes())]);
    for (let length = 0; length < payload.length; length += 1) {
      expect(readRed(payload.slice(0, length)), `${length}`).toBeUndefined();
    }
    const many = Array.from({ length: MAX_BLOCKS }, () => block(960, bytes(1)));
    expect(readRed(writeRed([...many, block(null, bytes())]))).toBeUndefined();
  });
});

describe('a receiver of redundant audio', () => {
  const voice = { ...ANNA, source: 'microphone' };

  async function frames(count: number): Promise<Uint8Array<ArrayBuffer>[]> {
    const sealer = new Sealer(ring());
    const out: Uint8Array<ArrayBuffer>[] = [];
    for (let frame = 0; frame < count; frame += 1) {
      out.push((await sealer.seal(bytes(0x78, frame), 'opus', voice)) ?? bytes());
    }
    return out;
  }

  function receiver(): AudioReceiver {
    const people = new People();
    people.are(['anna', 'ben']);
    return new AudioReceiver(new Opener(ring()), people);
  }

  const opened = async (to: AudioReceiver, payload: Uint8Array<ArrayBuffer>): Promise<unknown> => {
    const outcome = await to.open(payload, true);
    if ('refused' in outcome) return outcome.refused;
    return readRed(outcome.frame)?.map(({ offset, data }) => [offset, ...data]);
  };

  it('gets the frame and the lost one before it; what came already is left out', async () => {
    const [lost, came, now] = await frames(3);
    if (lost === undefined || came === undefined || now === undefined) throw new Error('no frames');
    const to = receiver();
    await to.open(writeRed([block(null, came)]), true);
    const payload = writeRed([block(1_920, lost), block(960, came), block(null, now)]);
    expect(await opened(to, payload)).toEqual([[1_920, 0x78, 0], [null, 0x78, 2]]);
  });

  it('gets nothing when the frame itself cannot be opened', async () => {
    const [before] = await frames(1);
    if (before === undefined) throw new Error('no frame');
    const payload = writeRed([block(960, before), block(null, bytes(0x78, 1))]);
    expect(await opened(receiver(), payload)).toBe('not_sealed');
    expect(await opened(receiver(), bytes(0xff))).toBe('malformed');
  });

  it('plays the voices of people in the room only', async () => {
    const [frame] = await frames(1);
    const outsiders = new People();
    outsiders.are(['ben', 'cleo']);
    const to = new AudioReceiver(new Opener(ring()), outsiders);
    expect(await to.open(frame ?? bytes(), false)).toEqual({ refused: 'nobody_expected', who: null });
    expect(BEN.participant).toBe('ben');
  });
});
