/** Two notes, like a school bell: loud enough to be noticed, soft enough for a headset. */
const NOTES_HZ = [659, 523];
const NOTE_S = 0.7;
const LOUDNESS = 0.25;

type Choosing = AudioContext & { setSinkId?: (deviceId: string) => Promise<void> };

export function canChooseOutput(): boolean {
  return 'setSinkId' in AudioContext.prototype;
}

/** Resolves when the tone is over. `output`: a device id; `''` is the system's choice. */
export async function playTone(output: string): Promise<void> {
  const context: Choosing = new AudioContext();
  try {
    if (output !== '') await context.setSinkId?.(output);
    await context.resume();
    const start = context.currentTime + 0.05;
    NOTES_HZ.forEach((frequency, index) => {
      const at = start + index * NOTE_S;
      const note = new OscillatorNode(context, { frequency, type: 'triangle' });
      const gain = new GainNode(context, { gain: 0 });
      gain.gain.setValueAtTime(0, at);
      gain.gain.linearRampToValueAtTime(LOUDNESS, at + 0.02);
      gain.gain.exponentialRampToValueAtTime(0.001, at + NOTE_S);
      note.connect(gain).connect(context.destination);
      note.start(at);
      note.stop(at + NOTE_S);
    });
    await new Promise((done) => setTimeout(done, (NOTES_HZ.length * NOTE_S + 0.1) * 1_000));
  } finally {
    await context.close();
  }
}
