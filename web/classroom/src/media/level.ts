/** Quieter than this is silence, louder than `LOUDEST_DB` is full: decibels of full scale. */
const QUIETEST_DB = -60;
const LOUDEST_DB = -12;

/** How loud samples in `[-1, 1]` are, on a scale from 0 to 1 that looks even to people. */
export function levelOf(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const rms = Math.sqrt(sum / Math.max(1, samples.length));
  const db = 20 * Math.log10(Math.max(rms, 1e-6));
  return Math.min(1, Math.max(0, (db - QUIETEST_DB) / (LOUDEST_DB - QUIETEST_DB)));
}

/** Calls `show` at every frame with the level of `track`; returns the function that stops it. */
export function watchLevel(track: MediaStreamTrack, show: (level: number) => void): () => void {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  let shown = 0;
  let frame = 0;
  const tick = (): void => {
    analyser.getFloatTimeDomainData(samples);
    // Rises at once, falls slowly: a meter that flickers cannot be read.
    shown = Math.max(levelOf(samples), shown * 0.9);
    show(shown);
    frame = requestAnimationFrame(tick);
  };
  // Without a gesture or an open microphone the context may not start; the next gesture starts it.
  const resume = (): void => void context.resume().catch(() => undefined);
  document.addEventListener('pointerdown', resume);
  document.addEventListener('keydown', resume);
  resume();
  tick();
  return () => {
    cancelAnimationFrame(frame);
    document.removeEventListener('pointerdown', resume);
    document.removeEventListener('keydown', resume);
    void context.close();
  };
}
