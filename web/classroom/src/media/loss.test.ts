import { describe, expect, it } from 'vitest';

import { lossPlan } from './loss';

describe('when a device stops by itself', () => {
  it('another microphone takes over while somebody is speaking', () => {
    expect(lossPlan('microphone', true, 1)).toEqual({ do: 'reopen' });
  });

  it('none takes over for somebody who is muted, nor where there is none', () => {
    expect(lossPlan('microphone', false, 1)).toEqual({ do: 'stop' });
    expect(lossPlan('microphone', true, 0)).toEqual({ do: 'stop' });
  });

  it('another camera is never opened unasked', () => {
    expect(lossPlan('camera', true, 3)).toEqual({ do: 'stop' });
  });
});
