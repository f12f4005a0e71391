"""Waiting without guessing: ask until the answer is right, but not for ever."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

# Far beyond what any step takes on an idle machine: a test machine may be busy.
PATIENCE_SECONDS = 30.0
INTERVAL_SECONDS = 0.05

T = TypeVar("T")


async def until(
    what: str,
    read: Callable[[], T | Awaitable[T]],
    seen: Callable[[], object] | None = None,
) -> T:
    """The first truthy value of `read`. What `read` raises ends the wait.

    `what` is said when it never comes, with what `seen` returns then.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        value = read()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        if time.monotonic() > deadline:
            last = value if seen is None else seen()
            raise AssertionError(
                f"did not happen in {PATIENCE_SECONDS:.0f} s: {what} (last seen: {last})"
            )
        await asyncio.sleep(INTERVAL_SECONDS)
