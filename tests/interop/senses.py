"""What a foreign peer makes of what it receives: decoded pixels and decoded samples."""

import asyncio
import math
from array import array
from collections import deque
from dataclasses import dataclass

from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, VideoFrame

# A coarse sample of the picture is enough, and cheap.
WIDTH, HEIGHT = 64, 36
# Difference of a colour channel that is more than coding noise.
NOISE = 24
# Distance per channel within which a pixel counts as of a colour.
COLOUR_TOLERANCE = 60

SAMPLE_RATE = 48_000
# One decoded Opus frame is 20 ms: a spectrum in steps of 50 Hz.
SPECTRUM_STEP_HERTZ = 50
SPECTRUM_END_HERTZ = 4_000
# A second: longer than the pause of a browser's beep.
REMEMBERED_FRAMES = 50
# Root mean square of 16-bit samples above which a frame is no silence.
LOUD = 300.0

Rgb = tuple[int, int, int]


@dataclass(frozen=True)
class Picture:
    """A decoded frame; `number` counts from 1 within its track."""

    number: int
    pixels: bytes

    def share_of(self, colour: Rgb) -> float:
        """0 to 1: how much of the picture has this colour."""
        near = sum(
            all(abs(have - want) <= COLOUR_TOLERANCE for have, want in zip(pixel, colour))
            for pixel in self._rgb()
        )
        return near / (WIDTH * HEIGHT)

    def changed_pixels(self, earlier: "Picture") -> int:
        return sum(
            any(abs(new - old) > NOISE for new, old in zip(now, before))
            for now, before in zip(self._rgb(), earlier._rgb())
        )

    def colour(self) -> Rgb:
        """The median of each channel: the background, where there is one."""
        middle = WIDTH * HEIGHT // 2
        red, green, blue = (sorted(self.pixels[channel::3])[middle] for channel in range(3))
        return (red, green, blue)

    def _rgb(self) -> list[Rgb]:
        channels = (self.pixels[channel::3] for channel in range(3))
        return list(zip(*channels, strict=True))


class Eye:
    """Decodes a video track for as long as it lasts."""

    def __init__(self, track: MediaStreamTrack) -> None:
        self.picture: Picture | None = None
        self.task = asyncio.create_task(_each_frame(track, self._take))

    def _take(self, frame: VideoFrame) -> None:
        small = frame.reformat(width=WIDTH, height=HEIGHT, format="rgb24")
        plane = small.planes[0]
        rows, line = bytes(plane), WIDTH * 3
        pixels = b"".join(
            rows[start : start + line]
            for start in range(0, plane.line_size * HEIGHT, plane.line_size)
        )
        number = 1 if self.picture is None else self.picture.number + 1
        self.picture = Picture(number, pixels)


class Sound:
    """One decoded audio frame, left channel."""

    def __init__(self, samples: array) -> None:
        self._samples = samples
        self.energy = sum(sample * sample for sample in samples)

    @property
    def level(self) -> float:
        """Root mean square, 0 to 32768."""
        return math.sqrt(self.energy / len(self._samples))

    def share_of(self, hertz: float) -> float:
        """0 to 1: how much of the energy is a sine of this frequency."""
        if self.energy == 0:
            return 0.0
        turn = 2 * math.pi * hertz / SAMPLE_RATE
        real = sum(sample * math.cos(turn * at) for at, sample in enumerate(self._samples))
        imaginary = sum(sample * math.sin(turn * at) for at, sample in enumerate(self._samples))
        power = real * real + imaginary * imaginary
        return 2 * power / (len(self._samples) * self.energy)

    def peak_hertz(self) -> int:
        spectrum = range(SPECTRUM_STEP_HERTZ, SPECTRUM_END_HERTZ, SPECTRUM_STEP_HERTZ)
        return max(spectrum, key=self.share_of)


class Ear:
    """Decodes an audio track for as long as it lasts; remembers the last second."""

    def __init__(self, track: MediaStreamTrack) -> None:
        self.frames = 0
        self.recent: deque[Sound] = deque(maxlen=REMEMBERED_FRAMES)
        self.task = asyncio.create_task(_each_frame(track, self._take))

    def _take(self, frame: AudioFrame) -> None:
        assert (frame.format.name, frame.sample_rate) == ("s16", SAMPLE_RATE), frame
        samples = array("h", bytes(frame.planes[0])[: frame.samples * 2 * len(frame.layout.channels)])
        self.frames += 1
        self.recent.append(Sound(samples[:: len(frame.layout.channels)]))

    def tone_share(self, hertz: int) -> float:
        """0 to 1: how many of the remembered frames are this tone, and hardly anything else.

        0 before a whole second was heard.
        """
        if len(self.recent) < REMEMBERED_FRAMES:
            return 0.0
        pure = sum(sound.level > LOUD and sound.share_of(hertz) > 0.8 for sound in self.recent)
        return pure / REMEMBERED_FRAMES


async def _each_frame(track: MediaStreamTrack, take) -> None:
    try:
        while True:
            take(await track.recv())
    except MediaStreamError:
        # The track ended.
        return
