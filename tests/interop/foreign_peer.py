"""An aiortc peer as a process, for tests that are not written in Python.

Joins, then says on its standard output what it is and, several times a second, what it sees and
hears of everybody: one JSON object a line. Leaves when its standard input ends, so that it never
outlives the test.
"""

import argparse
import asyncio
import json
import sys
from typing import Any

from peer import Peer
from senses import Ear, Picture
from sources import BLUE

REPORT_SECONDS = 0.25


def _say(event: str, **fields: Any) -> None:
    print(json.dumps({"event": event, **fields}), flush=True)


class _Reporter:
    """Puts the senses into numbers, by participant."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        # What was seen at the last report.
        self._before: dict[str, Picture] = {}

    def report(self) -> dict[str, dict[str, Any]]:
        cameras: dict[str, Any] = {}
        microphones: dict[str, Any] = {}
        for participant, source in self._peer.shown().values():
            if source == "camera" and (eye := self._peer.eye_on(participant)) and eye.picture:
                cameras[participant] = self._camera(participant, eye.picture)
            if source == "microphone" and (ear := self._peer.ear_on(participant)) and ear.recent:
                microphones[participant] = self._microphone(ear)
        return {"cameras": cameras, "microphones": microphones}

    def _camera(self, participant: str, now: Picture) -> dict[str, Any]:
        before = self._before.get(participant, now)
        self._before[participant] = now
        return {
            "frames": now.number,
            "colour": now.colour(),
            "changedPixels": now.changed_pixels(before),
        }

    @staticmethod
    def _microphone(ear: Ear) -> dict[str, Any]:
        """Of the loudest 20 ms of the last second."""
        loudest = max(ear.recent, key=lambda sound: sound.energy)
        hertz = loudest.peak_hertz()
        return {
            "frames": ear.frames,
            "level": loudest.level,
            "hertz": hertz,
            "share": loudest.share_of(hertz),
        }


async def _run(arguments: argparse.Namespace) -> None:
    over = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    peer = Peer(arguments.name, BLUE, arguments.hertz)
    reporter = _Reporter(peer)
    try:
        await peer.join(arguments.origin, arguments.room, arguments.token)
        _say("joined", participant=peer.id)
        while not over.done():
            _say("senses", **reporter.report())
            await asyncio.wait([over], timeout=REPORT_SECONDS)
        await peer.leave()
    finally:
        await peer.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("origin", "room", "token", "name"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--hertz", type=int, required=True)
    asyncio.run(_run(parser.parse_args()))
