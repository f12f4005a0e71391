"""A foreign peer in a room: aiortc's connection, Firstbell's signalling, and senses on every slot."""

import asyncio
from typing import Any
from unittest import mock

import aioice.ice
from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCSessionDescription,
)

from dress import PLAIN, Dress
from patience import PATIENCE_SECONDS, until
from senses import Ear, Eye
from signaling import Signaling
from sources import Colour, MovingSquare, Tone

AUDIO_SLOTS = 2
VIDEO_SLOTS = 3
# More than a single late packet could make.
FRAMES_THAT_FLOW = 15
# More than the first keyframe has.
PACKETS_BEFORE_LATECOMERS = 30
# A moved square of the sources covers far more.
MOVING_PIXELS = 20

CONFIGURATION = RTCConfiguration(
    # No STUN server: nothing here may depend on the internet.
    iceServers=[],
    # The answer has its candidates where RFC 8843 wants them, at the tagged m-line. With its other
    # policies aiortc loses them when another m-line shares the transport in the offer already
    # (https://github.com/aiortc/aiortc/issues/1437).
    bundlePolicy=RTCBundlePolicy.MAX_COMPAT,
)

_host_addresses = aioice.ice.get_host_addresses


def _addresses(*args: Any, **keys: Any) -> list[str]:
    """aioice leaves loopback out; on a machine without a network it would have nothing left."""
    return _host_addresses(*args, **keys) or ["127.0.0.1"]


class Peer:
    """Publishes a microphone and a camera; `join` and then always `close`."""

    def __init__(self, name: str, colour: Colour, hertz: int, dress: Dress = PLAIN) -> None:
        self.name = name
        self.colour = colour
        self.hertz = hertz
        self.id = ""
        self._signaling: Signaling | None = None
        # By mid of the slot.
        self._eyes: dict[str, Eye] = {}
        self._ears: dict[str, Ear] = {}
        with dress.worn():
            self.connection = RTCPeerConnection(CONFIGURATION)
            self._add_lines(dress)

    def _add_lines(self, dress: Dress) -> None:
        """Everything this client will ever need, in the protocol's order: senders, then slots."""
        add = self.connection.addTransceiver
        direction = "sendrecv" if dress.sendrecv else "sendonly"
        self._microphone = add(Tone(self.hertz), direction=direction)
        self._camera = add(MovingSquare(self.colour), direction=direction)
        offered = RTCRtpReceiver.getCapabilities("video").codecs
        wanted = (dress.camera_codec.lower(), "video/rtx")
        self._camera.setCodecPreferences([c for c in offered if c.mimeType.lower() in wanted])
        for _ in range(AUDIO_SLOTS):
            add("audio", direction="recvonly")
        for _ in range(VIDEO_SLOTS):
            add("video", direction="recvonly")

    # --- doing ---

    async def join(self, origin: str, room: str, token: str) -> None:
        with mock.patch("aioice.ice.get_host_addresses", _addresses):
            await self.connection.setLocalDescription(await self.connection.createOffer())
        self._signaling = await Signaling.open(origin)
        offer = self.connection.localDescription.sdp
        joined = await self._signaling.join(room, token, offer)
        self.id = joined["participant"]
        if joined["warnings"]:
            raise AssertionError(f"{self.name} was warned: {joined['warnings']}")
        answer = RTCSessionDescription(joined["answer"], "answer")
        await self.connection.setRemoteDescription(answer)
        self._open_senses({slot["mid"] for slot in joined["slots"]})
        await until(f"{self.name} is connected", self._connected, seen=self._states)

    def _open_senses(self, slots: set[str]) -> None:
        for line in self.connection.getTransceivers():
            if line.mid not in slots:
                continue
            track = line.receiver.track
            if track is None:
                raise AssertionError(f"{self.name}: slot {line.mid} has no track")
            if line.kind == "video":
                self._eyes[line.mid] = Eye(track)
            else:
                self._ears[line.mid] = Ear(track)

    def _connected(self) -> bool:
        assert self._signaling is not None
        self._signaling.check()
        if self.connection.connectionState in ("failed", "closed"):
            raise AssertionError(f"{self.name}: the media path failed: {self._states()}")
        return (
            self.connection.connectionState == "connected"
            and self._signaling.media_state == "connected"
        )

    def _states(self) -> dict[str, str]:
        assert self._signaling is not None
        return {
            "ice": self.connection.iceConnectionState,
            "connection": self.connection.connectionState,
            "says the node": self._signaling.media_state,
        }

    async def leave(self) -> None:
        assert self._signaling is not None
        await self._signaling.leave()
        self._signaling = None

    async def close(self) -> None:
        """Ends everything, whatever state it is in."""
        if self._signaling is not None:
            await self._signaling.close()
        await asyncio.wait_for(self.connection.close(), PATIENCE_SECONDS)
        tasks = [sense.task for sense in (*self._eyes.values(), *self._ears.values())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- seeing and hearing ---

    def shown(self) -> dict[str, tuple[str, str]]:
        """Participant and source by the mid of each filled slot."""
        assert self._signaling is not None
        self._signaling.check()
        return self._signaling.mapping

    def eye_on(self, participant: str) -> Eye | None:
        """On the slot that shows the participant's camera now."""
        assert self._signaling is not None
        return self._eyes.get(self._signaling.slot_of(participant, "camera") or "")

    def ear_on(self, participant: str) -> Ear | None:
        assert self._signaling is not None
        return self._ears.get(self._signaling.slot_of(participant, "microphone") or "")

    async def sees(self, other: "Peer") -> None:
        """The other's colour, decoded, in frames that go on and a picture that moves."""
        what = f"{self.name} sees the moving {other.colour.name} picture of {other.name}"

        def picture():
            eye = self.eye_on(other.id)
            shown = eye and eye.picture
            return shown if shown and shown.share_of(other.colour.rgb) > 0.8 else None

        def seen():
            eye = self.eye_on(other.id)
            shown = eye and eye.picture
            return shown and f"frame {shown.number}, mostly {shown.colour()}"

        first = await until(what, picture, seen)
        await until(
            what,
            lambda: (now := picture()) is not None
            and now.number >= first.number + FRAMES_THAT_FLOW
            and now.changed_pixels(first) >= MOVING_PIXELS,
            seen,
        )

    async def hears(self, other: "Peer") -> None:
        """A second of the other's tone, decoded, with next to nothing else in it."""

        def seen():
            ear = self.ear_on(other.id)
            last = ear.recent[-1] if ear and ear.recent else None
            return last and f"level {last.level:.0f} at {last.peak_hertz()} Hz"

        await until(
            f"{self.name} hears the {other.hertz} Hz of {other.name}",
            lambda: (ear := self.ear_on(other.id)) is not None
            and ear.tone_share(other.hertz) > 0.9,
            seen,
        )

    # --- looking at the connection itself ---

    def camera_codec(self) -> str:
        """What the camera is really sent as."""
        return self._camera._codecs[0].mimeType

    def dtls_suite_and_srtp_profile(self) -> tuple[str, bytes]:
        ssl = self._camera.sender.transport._ssl
        return ssl.get_cipher_name(), ssl.get_selected_srtp_profile()

    async def has_begun(self) -> bool:
        """The camera's first keyframe has long been sent."""
        stats = await self._camera.sender.getStats()
        sent = next(s.packetsSent for s in stats.values() if s.type == "outbound-rtp")
        return sent > PACKETS_BEFORE_LATECOMERS

    async def has_reports(self) -> bool:
        """The node's receiver reports name the camera, and sender reports come for a slot."""
        sent = await self._camera.sender.getStats()
        received = await self.connection.getStats()
        kinds = {s.type for s in sent.values()} | {s.type for s in received.values()}
        return {"remote-inbound-rtp", "remote-outbound-rtp"} <= kinds
