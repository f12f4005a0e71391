"""What a foreign peer sends: a tone and a picture that cannot be taken for another peer's."""

import asyncio
import fractions
import math
import time
from array import array
from dataclasses import dataclass

from aiortc import MediaStreamTrack, VideoStreamTrack
from av import AudioFrame, VideoFrame

SAMPLE_RATE = 48_000
SAMPLES_PER_FRAME = 960
AMPLITUDE = 12_000

WIDTH, HEIGHT = 320, 180
SQUARE = 40
SQUARE_LUMA = 235
STEP = 4


@dataclass(frozen=True)
class Colour:
    """A background, as sent (BT.601, video range) and as seen on a screen."""

    name: str
    yuv: tuple[int, int, int]
    rgb: tuple[int, int, int]


RED = Colour("red", (81, 90, 240), (255, 0, 0))
BLUE = Colour("blue", (41, 240, 110), (0, 0, 255))


class Tone(MediaStreamTrack):
    """A sine, 20 ms at a time."""

    kind = "audio"

    def __init__(self, hertz: int) -> None:
        super().__init__()
        self._hertz = hertz
        self._sent = 0
        self._start: float | None = None

    async def recv(self) -> AudioFrame:
        if self._start is None:
            self._start = time.monotonic()
        due = self._start + self._sent / SAMPLE_RATE
        await asyncio.sleep(due - time.monotonic())
        turn = 2 * math.pi * self._hertz / SAMPLE_RATE
        samples = array(
            "h",
            (
                round(AMPLITUDE * math.sin(turn * at))
                for at in range(self._sent, self._sent + SAMPLES_PER_FRAME)
            ),
        )
        frame = AudioFrame(format="s16", layout="mono", samples=SAMPLES_PER_FRAME)
        frame.planes[0].update(samples.tobytes())
        frame.sample_rate = SAMPLE_RATE
        frame.pts = self._sent
        frame.time_base = fractions.Fraction(1, SAMPLE_RATE)
        self._sent += SAMPLES_PER_FRAME
        return frame


class MovingSquare(VideoStreamTrack):
    """A bright square that crosses a coloured background again and again."""

    def __init__(self, colour: Colour) -> None:
        super().__init__()
        self._yuv = colour.yuv
        self._left = 0

    async def recv(self) -> VideoFrame:
        pts, time_base = await self.next_timestamp()
        frame = VideoFrame(WIDTH, HEIGHT, "yuv420p")
        for plane, value in zip(frame.planes, self._yuv, strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        self._draw_square(frame)
        frame.pts, frame.time_base = pts, time_base
        self._left = (self._left + STEP) % (WIDTH - SQUARE)
        return frame

    def _draw_square(self, frame: VideoFrame) -> None:
        luma = frame.planes[0]
        pixels = bytearray(luma)
        top = (HEIGHT - SQUARE) // 2
        for row in range(top, top + SQUARE):
            start = row * luma.line_size + self._left
            pixels[start : start + SQUARE] = bytes([SQUARE_LUMA]) * SQUARE
        luma.update(bytes(pixels))
