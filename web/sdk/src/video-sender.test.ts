import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { FakeSender, FakeTrack, trackOf } from '../test/fake-peer';
import { initialEncodings, type SendOptions } from './encodings';
import type { VideoSource } from './protocol';
import { VideoSender } from './video-sender';

const HD = { width: 1280, height: 720 };
const SMALL = { width: 640, height: 360 };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function made(source: VideoSource = 'camera', options: SendOptions = {}) {
  const fake = new FakeSender(initialEncodings(source, options));
  const sender = new VideoSender(source, fake as unknown as RTCRtpSender, options);
  return { sender, fake };
}

/** A sender that is negotiated and sends a picture of this size. */
async function sending(settings: MediaTrackSettings = HD, source: VideoSource = 'camera') {
  const all = made(source);
  all.sender.negotiated();
  await settled(all.sender.replace(trackOf('video', settings)));
  return all;
}

/** Lets the queue run. */
async function settled(work?: Promise<void>): Promise<void> {
  await vi.advanceTimersByTimeAsync(5);
  await work;
}

describe('a picture that starts', () => {
  it('gets encodings that fit it before its first frame', async () => {
    const { sender, fake } = made();
    sender.negotiated();
    let changesBefore = 0;
    vi.spyOn(fake, 'replaceTrack').mockImplementation(async () => {
      changesBefore = fake.changes;
    });
    await settled(sender.replace(trackOf('video', SMALL)));
    expect(changesBefore).toBe(1);
    expect(fake.sending).toBe('qh');
    expect(fake.encodings.map((one) => one.scaleResolutionDownBy)).toEqual([2, 1, 1]);
    expect(fake.degradationPreference).toBe('maintain-framerate');
  });

  it('leaves the offer alone until it is answered', async () => {
    const { sender, fake } = made();
    await settled(sender.replace(trackOf('video', SMALL)));
    expect(fake.changes).toBe(0);
    expect(fake.track).not.toBeNull();
    sender.negotiated();
    await settled();
    expect(fake.sending).toBe('qh');
  });

  it('is not sent in the smallest size where the node takes only the first encoding', async () => {
    const { sender, fake } = made();
    await settled(sender.replace(trackOf('video', HD)));
    fake.encodings.splice(1);
    sender.negotiated();
    await settled();
    expect(fake.encodings).toMatchObject([
      { rid: 'q', active: true, scaleResolutionDownBy: 2, maxBitrate: 380_000 },
    ]);
  });

  it('costs no call where everything is as it should be', async () => {
    const { sender, fake } = await sending(HD);
    expect(fake.changes).toBe(0);
    await settled(sender.replace(trackOf('video', HD)));
    await settled(sender.replace(null));
    expect(fake.changes).toBe(0);
    expect(fake.track).toBeNull();
  });

  it('has the hint of what it shows, unless the page gave one', async () => {
    const [camera, screen] = [await sending(HD), await sending(HD, 'screen')];
    expect(camera.fake.track).toMatchObject({ contentHint: 'motion' });
    expect(screen.fake.track).toMatchObject({ contentHint: 'detail' });
    const film = trackOf('video', HD);
    film.contentHint = 'motion';
    await settled(screen.sender.replace(film));
    expect(film.contentHint).toBe('motion');
  });

  it('is sent even if the browser refuses the encodings', async () => {
    const { sender, fake } = made();
    sender.negotiated();
    fake.refuses = true;
    await settled(sender.replace(trackOf('video', SMALL)));
    expect(fake.track).not.toBeNull();
    fake.refuses = false;
    sender.watch(['q', 'h', 'f']);
    await settled();
    expect(fake.sending).toBe('qh');
  });
});

describe('what somebody watches', () => {
  it('goes on a moment longer than it is watched', async () => {
    const { sender, fake } = await sending();
    sender.watch(['q']);
    await vi.advanceTimersByTimeAsync(990);
    expect(fake.sending).toBe('qhf');
    await vi.advanceTimersByTimeAsync(20);
    expect(fake.sending).toBe('q');
  });

  it('starts at once', async () => {
    const { sender, fake } = await sending();
    sender.watch(['q']);
    await vi.advanceTimersByTimeAsync(1_010);
    sender.watch(['h', 'f']);
    await settled();
    expect(fake.sending).toBe('qhf');
    await vi.advanceTimersByTimeAsync(1_010);
    expect(fake.sending).toBe('hf');
  });

  it('costs nothing if it comes back soon', async () => {
    const { sender, fake } = await sending();
    for (let turn = 0; turn < 10; turn += 1) {
      sender.watch(['q']);
      await vi.advanceTimersByTimeAsync(400);
      sender.watch(['q', 'h', 'f']);
      await vi.advanceTimersByTimeAsync(400);
    }
    await vi.advanceTimersByTimeAsync(5_000);
    expect(fake.changes).toBe(0);
  });

  it('may be nothing', async () => {
    const { sender, fake } = await sending();
    sender.watch([]);
    await vi.advanceTimersByTimeAsync(1_010);
    expect(fake.sending).toBe('');
    expect(fake.track).not.toBeNull();
    sender.watch(['h']);
    await settled();
    expect(fake.sending).toBe('h');
  });

  it('is not said by names of other connections', async () => {
    const { sender, fake } = await sending();
    sender.watch(['r0', 'r1']);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(fake.sending).toBe('qhf');
    sender.watch(['r0', 'h']);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(fake.sending).toBe('h');
  });

  it('is remembered while the camera is off, and for another camera', async () => {
    const { sender, fake } = await sending();
    await settled(sender.replace(null));
    sender.watch(['f']);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(fake.changes).toBe(0);
    await settled(sender.replace(trackOf('video', SMALL)));
    expect(fake.sending).toBe('h');
    await settled(sender.replace(trackOf('video', HD)));
    expect(fake.sending).toBe('f');
  });

  it('is remembered when it was said before the answer was applied', async () => {
    const { sender, fake } = made();
    sender.watch(['q']);
    await settled(sender.replace(trackOf('video', HD)));
    await vi.advanceTimersByTimeAsync(2_000);
    expect(fake.changes).toBe(0);
    sender.negotiated();
    await settled();
    expect(fake.sending).toBe('q');
  });

  it('follows a shared window that grows', async () => {
    const { sender, fake } = await sending({ width: 640, height: 400 }, 'screen');
    expect(fake.sending).toBe('h');
    (fake.track as FakeTrack).settings = { width: 1600, height: 1000 };
    sender.watch(['h', 'f']);
    await settled();
    expect(fake.sending).toBe('hf');
  });
});

describe('calls that overlap', () => {
  it('are made one after the other, and end as last wanted', async () => {
    const { sender, fake } = made();
    sender.negotiated();
    const tracks = [HD, SMALL, HD, SMALL].map((settings) => trackOf('video', settings));
    const work = tracks.map((track) => sender.replace(track));
    sender.watch(['q']);
    sender.watch(['h']);
    work.push(sender.replace(null), sender.replace(trackOf('video', HD)));
    sender.watch(['f']);
    await vi.advanceTimersByTimeAsync(2_000);
    await Promise.all(work);
    expect(fake.sending).toBe('f');
    expect(fake.encodings[2]).toMatchObject({ scaleResolutionDownBy: 1 });
    expect(fake.track).toMatchObject({ settings: HD });
  });

  it('end with the connection', async () => {
    const { sender, fake } = await sending();
    sender.watch(['q']);
    sender.close();
    await vi.advanceTimersByTimeAsync(5_000);
    await settled(sender.replace(trackOf('video', SMALL)));
    sender.watch([]);
    expect(fake.changes).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });
});
