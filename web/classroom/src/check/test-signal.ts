/** A picture and a sound that cost as many bits as a busy class: for measuring a line. */
export interface TestSignal {
  readonly camera: MediaStreamTrack;
  readonly screen: MediaStreamTrack;
  readonly sound: MediaStreamTrack;
  readonly stop: () => void;
}

const [WIDTH, HEIGHT, FRAMES_PER_SECOND] = [640, 360, 15];

/** Noise that jumps: nothing an encoder could save at. The sound is a hum that nobody hears. */
export function testSignal(): TestSignal {
  const noise = noiseTile();
  const canvas = Object.assign(document.createElement('canvas'), { width: WIDTH, height: HEIGHT });
  const pen = canvas.getContext('2d');
  const draw = (): void => {
    const [x, y] = [Math.random() * WIDTH, Math.random() * HEIGHT];
    for (const left of [x - WIDTH, x]) {
      for (const top of [y - HEIGHT, y]) pen?.drawImage(noise, left, top);
    }
  };
  draw();
  const timer = setInterval(draw, 1_000 / FRAMES_PER_SECOND);
  const stream = canvas.captureStream(FRAMES_PER_SECOND);
  const [camera] = stream.getVideoTracks();
  if (camera === undefined) throw new Error('a canvas without a picture');

  const context = new AudioContext();
  const hum = new OscillatorNode(context, { frequency: 220 });
  const speaker = context.createMediaStreamDestination();
  hum.connect(new GainNode(context, { gain: 0.2 })).connect(speaker);
  hum.start();
  const [sound] = speaker.stream.getAudioTracks();
  if (sound === undefined) throw new Error('an oscillator without a sound');
  const screen = camera.clone();
  return {
    camera,
    screen,
    sound,
    stop: () => {
      clearInterval(timer);
      [camera, screen, sound].forEach((track) => track.stop());
      void context.close();
    },
  };
}

function noiseTile(): HTMLCanvasElement {
  const tile = Object.assign(document.createElement('canvas'), { width: WIDTH, height: HEIGHT });
  const pen = tile.getContext('2d');
  const image = pen?.createImageData(WIDTH, HEIGHT);
  if (pen === null || pen === undefined || image === undefined) return tile;
  image.data.forEach((_, at) => (image.data[at] = at % 4 === 3 ? 255 : Math.random() * 256));
  pen.putImageData(image, 0, 0);
  return tile;
}
