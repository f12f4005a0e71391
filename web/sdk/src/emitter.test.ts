import { afterEach, describe, expect, it, vi } from 'vitest';

import { Emitter } from './emitter';

interface Bells {
  ring: number;
  break: string;
}

afterEach(() => vi.unstubAllGlobals());

describe('an emitter', () => {
  it('calls who listens, in order of listening, with what the event carries', () => {
    const bells = new Emitter<Bells>();
    const heard: string[] = [];
    bells.on('ring', (times) => heard.push(`first ${times}`));
    bells.on('ring', (times) => heard.push(`second ${times}`));
    bells.emit('ring', 3);
    expect(heard).toEqual(['first 3', 'second 3']);
  });

  it('does not call who listens to something else', () => {
    const bells = new Emitter<Bells>();
    const onBreak = vi.fn();
    bells.on('break', onBreak);
    bells.emit('ring', 1);
    expect(onBreak).not.toHaveBeenCalled();
  });

  it('passes on what another one tells', () => {
    class Tower extends Emitter<Bells & { wind: number }> {
      constructor(bells: Emitter<Bells>) {
        super();
        this.relay(bells, ['ring']);
      }
    }
    const bells = new Emitter<Bells>();
    const tower = new Tower(bells);
    const heard = vi.fn();
    tower.on('ring', heard);
    tower.on('break', heard);
    bells.emit('ring', 2);
    bells.emit('break', 'long');
    expect(heard).toHaveBeenCalledExactlyOnceWith(2);
  });

  it('needs nobody to listen', () => {
    expect(() => new Emitter<Bells>().emit('ring', 1)).not.toThrow();
  });

  it('stops calling who stopped, and only them', () => {
    const bells = new Emitter<Bells>();
    const [stays, goes] = [vi.fn(), vi.fn()];
    bells.on('ring', stays);
    const stop = bells.on('ring', goes);
    stop();
    bells.emit('ring', 1);
    expect(stays).toHaveBeenCalledOnce();
    expect(goes).not.toHaveBeenCalled();
  });

  it('is not confused by who stops or starts listening while it calls', () => {
    const bells = new Emitter<Bells>();
    const [after, late] = [vi.fn(), vi.fn()];
    const stop = bells.on('ring', () => {
      stop();
      bells.on('ring', late);
    });
    bells.on('ring', after);
    bells.emit('ring', 1);
    expect(after).toHaveBeenCalledOnce();
    expect(late).not.toHaveBeenCalled();
    bells.emit('ring', 2);
    expect(late).toHaveBeenCalledExactlyOnceWith(2);
  });

  it('reports what one listener throws and calls the others all the same', () => {
    const report = vi.fn();
    vi.stubGlobal('reportError', report);
    const bells = new Emitter<Bells>();
    const fault = new Error('broken bell');
    const other = vi.fn();
    bells.on('ring', () => {
      throw fault;
    });
    bells.on('ring', other);
    bells.emit('ring', 1);
    expect(report).toHaveBeenCalledExactlyOnceWith(fault);
    expect(other).toHaveBeenCalledExactlyOnceWith(1);
  });
});
