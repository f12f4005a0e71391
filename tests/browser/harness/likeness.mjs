// Whether what arrives is what was sent: pictures and sounds compared between two pages. The first
// two functions run in the page.

/** Pixels of the own picture, sampled like `picture` does with those of others. */
export function ownPicture() {
  const video = document.querySelector('[data-testid=self-tile] video');
  if (!video?.videoWidth) return null;
  const [width, height] = [64, 36];
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(video, 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height);
  const luma = [];
  for (let at = 0; at < data.length; at += 4) {
    luma.push(0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2]);
  }
  return luma;
}

/**
 * The spectrum of the loudest moments of `ms`, of all that this page plays or, `own`, of its
 * microphone. `loudest` is the loudest moment's effective value.
 *
 * @param {{ own: boolean, ms: number }} what
 */
export async function spectrum({ own, ms }) {
  const context = new AudioContext();
  await context.resume();
  const analyser = context.createAnalyser();
  Object.assign(analyser, { fftSize: 2048, smoothingTimeConstant: 0 });
  const sources = own
    ? globalThis.__instruments.connections
        .filter(({ peer }) => peer.connectionState !== 'closed')
        .map(({ peer }) => new MediaStream([peer.getSenders()[0].track]))
    : [...document.querySelectorAll('audio')].map((element) => element.srcObject);
  for (const stream of sources) context.createMediaStreamSource(stream).connect(analyser);

  const samples = new Float32Array(analyser.fftSize);
  const bins = new Float32Array(analyser.frequencyBinCount);
  const moments = [];
  const end = performance.now() + ms;
  while (performance.now() < end) {
    await new Promise((done) => setTimeout(done, 20));
    analyser.getFloatTimeDomainData(samples);
    analyser.getFloatFrequencyData(bins);
    const rms = Math.hypot(...samples) / Math.sqrt(samples.length);
    moments.push({ rms, power: [...bins].map((db) => 10 ** (db / 20)) });
  }
  await context.close();
  moments.sort((a, b) => b.rms - a.rms);
  const loud = moments.slice(0, 5);
  const mean = loud[0].power.map((_, bin) => loud.reduce((sum, { power }) => sum + power[bin], 0));
  return { loudest: loud[0].rms, spectrum: mean };
}

/**
 * How alike two rows of numbers are in shape: 1 the same, 0 nothing in common.
 *
 * @param {number[]} a
 * @param {number[]} b
 */
export function correlation(a, b) {
  const centred = (/** @type {number[]} */ row) => {
    const mean = row.reduce((sum, value) => sum + value, 0) / row.length;
    return row.map((value) => value - mean);
  };
  const [x, y] = [centred(a), centred(b)];
  const dot = (/** @type {number[]} */ u, /** @type {number[]} */ v) =>
    u.reduce((sum, value, at) => sum + value * v[at], 0);
  const size = Math.sqrt(dot(x, x) * dot(y, y));
  return size === 0 ? 0 : dot(x, y) / size;
}
