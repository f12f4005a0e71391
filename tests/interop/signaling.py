"""The WebSocket side of a foreign peer: join, heartbeat, events, leave.

Speaks what `signaling/src/message.rs` defines, written anew from there: that the schema is enough
to write a client is part of what is tested.
"""

import asyncio
import itertools
import json
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from patience import PATIENCE_SECONDS

CLIENT = {"name": "firstbell-interop-aiortc", "version": "0.1.0"}


class SignalingError(Exception):
    """The node refused, ended the session or said something unforeseen."""


class Signaling:
    """One joined session. `mapping` and `media_state` follow the node's events."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._tasks = [asyncio.create_task(self._read())]
        self._failure: SignalingError | None = None
        # Mid of a slot -> (participant, source), only of slots that show something.
        self.mapping: dict[str, tuple[str, str]] = {}
        self.media_state = "new"

    @classmethod
    async def open(cls, origin: str) -> "Signaling":
        return cls(await connect(f"ws://{urlsplit(origin).netloc}/v1/ws"))

    async def join(self, room: str, token: str, offer: str) -> dict[str, Any]:
        """The `joined` message; from then on the heartbeat is kept."""
        joined = await self._request(
            "join",
            "joined",
            room=room,
            token=token,
            offer=offer,
            client=CLIENT,
            publishing={"microphone": True, "camera": True, "screen": False},
        )
        self._take_mapping(joined["mapping"])
        self._tasks.append(asyncio.create_task(self._beat(joined["heartbeat_ms"] / 2000)))
        return joined

    def check(self) -> None:
        """Raises what went wrong since, if anything."""
        if self._failure is not None:
            raise self._failure

    def slot_of(self, participant: str, source: str) -> str | None:
        """Mid of the slot that shows it now."""
        self.check()
        shown = (participant, source)
        return next((mid for mid, shows in self.mapping.items() if shows == shown), None)

    async def leave(self) -> None:
        """Leaves for good and closes."""
        await self._request("leave", "ok")
        await self.close()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._socket.close()

    async def _request(self, kind: str, answered_by: str, **fields: Any) -> dict[str, Any]:
        self.check()
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send(json.dumps({"type": kind, "id": number, **fields}))
        try:
            message = await asyncio.wait_for(answer, PATIENCE_SECONDS)
        except TimeoutError:
            raise SignalingError(f"no answer to {kind}") from None
        finally:
            del self._answers[number]
        if message["type"] != answered_by:
            raise SignalingError(f"{kind} was answered with {message}")
        return message

    async def _beat(self, seconds: float) -> None:
        try:
            while True:
                await asyncio.sleep(seconds)
                await self._request("ping", "ok")
        except (SignalingError, ConnectionClosed) as error:
            self._fail(f"heartbeat: {error}")

    async def _read(self) -> None:
        try:
            async for text in self._socket:
                self._take(json.loads(text))
            self._fail("the node closed the socket")
        except (ConnectionClosed, ValueError, KeyError) as error:
            self._fail(f"{type(error).__name__}: {error}")

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "queued":
            return
        if (number := message.get("re")) is not None:
            answer = self._answers.get(number)
            if answer is None or answer.done():
                self._fail(f"an answer to nothing: {message}")
            else:
                answer.set_result(message)
        elif message["type"] == "slots":
            self._take_mapping(message["mapping"])
        elif message["type"] == "connection":
            self.media_state = message["state"]
        elif message["type"] in ("ended", "error"):
            self._fail(str(message))

    def _take_mapping(self, mapping: list[dict[str, Any]]) -> None:
        self.mapping = {
            slot["mid"]: (slot["shows"]["participant"], slot["shows"]["source"])
            for slot in mapping
            if slot["shows"] is not None
        }

    def _fail(self, why: str) -> None:
        self._failure = self._failure or SignalingError(why)
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(self._failure)
