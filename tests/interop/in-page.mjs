// What runs inside the browser's page. Self-contained functions: they are sent to it as text.

/**
 * Chromium takes the tone that the page plays for an echo in its own (fake) microphone, and its
 * canceller then takes away the microphone's beep as well.
 */
export function withoutEchoCancellation() {
  const devices = navigator.mediaDevices;
  const native = devices.getUserMedia.bind(devices);
  devices.getUserMedia = (constraints) => {
    const { audio } = constraints;
    if (!audio) return native(constraints);
    const wanted = audio === true ? {} : audio;
    return native({ ...constraints, audio: { ...wanted, echoCancellation: false } });
  };
}

/** The colour of a participant's tile, as the median of each channel. @param {string} participant */
export function tileColour(participant) {
  const tile = document.querySelector(
    `[data-testid=tile][data-participant="${participant}"][data-source=camera]`,
  );
  const [width, height] = [64, 36];
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width, height });
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(tile.querySelector('video'), 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height);
  return [0, 1, 2].map((channel) => {
    const values = data.filter((_, at) => at % 4 === channel).sort();
    return values[values.length / 2];
  });
}

/**
 * The strongest frequency of all that the page's audio elements play, and the share (0 to 1) of the
 * power that is at this frequency.
 */
export async function pitch() {
  const LISTEN_MS = 500;
  /** The window's main lobe: bins beside the peak that belong to it. */
  const LOBE = 3;
  const context = new AudioContext();
  try {
    await context.resume();
    const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
    for (const { srcObject } of document.querySelectorAll('audio')) {
      if (srcObject?.getAudioTracks().length) {
        context.createMediaStreamSource(srcObject).connect(analyser);
      }
    }
    await new Promise((resolve) => setTimeout(resolve, LISTEN_MS));
    const decibels = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(decibels);
    const power = Array.from(decibels, (value) => 10 ** (value / 10));
    const sum = (/** @type {number[]} */ values) => values.reduce((total, value) => total + value, 0);
    const peak = power.indexOf(Math.max(...power));
    return {
      hertz: Math.round((peak * context.sampleRate) / analyser.fftSize),
      share: sum(power.slice(Math.max(0, peak - LOBE), peak + LOBE + 1)) / sum(power),
    };
  } finally {
    await context.close();
  }
}
