import { describe, expect, it } from 'vitest';

import { trackOf } from '../test/fake-peer';
import { Published } from './published';

describe('what is published', () => {
  it('is told when something starts or stops, not when a track takes the place of another', () => {
    const published = new Published();
    expect(published.set('camera', trackOf('video'))).toBe(true);
    expect(published.publishing).toEqual({ microphone: false, camera: true, screen: false });
    expect(published.set('camera', trackOf('video'))).toBe(false);
    expect(published.set('microphone', null)).toBe(false);
    expect(published.set('camera', null)).toBe(true);
    expect(published.tracks.size).toBe(0);
  });

  it('counts the sound of a screen with the screen', () => {
    const published = new Published();
    expect(published.set('screen_audio', trackOf('audio'))).toBe(false);
    expect(published.set('screen', trackOf('video'))).toBe(true);
    expect(published.publishing.screen).toBe(true);
    expect([...published.tracks.keys()]).toEqual(['screen_audio', 'screen']);
  });
});
