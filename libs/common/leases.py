"""Work that belongs to one process at a time: it goes on while the lease is held, and ends when it is lost."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, TypeVar

from libs.common.clock import new_id, now
from libs.common.errors import Retry
from libs.common.mongo import Document

LEASE_S = 20.0
T = TypeVar("T")


class LeaseLostError(Exception):
    """Another has taken the work over, or there is none any more."""


def new_lease(lease_s: float, at: datetime | None = None) -> Document:
    """`by` is one attempt's, not one process's: who tries again is another."""
    at = at or now()
    return {"by": new_id(), "at": at, "until": at + timedelta(seconds=lease_s)}


async def while_held(
    work: Coroutine[Any, Any, T], extend: Callable[[], Awaitable[bool]], lease_s: float = LEASE_S
) -> T:
    """Runs `work` to its end. Raises `LeaseLostError` as soon as the lease is, and cancels it before."""
    working, keeping = asyncio.ensure_future(work), asyncio.ensure_future(_keep(extend, lease_s))
    try:
        await asyncio.wait({working, keeping}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise LeaseLostError
        return working.result()
    finally:
        for task in (working, keeping):
            task.cancel()
        await asyncio.gather(working, keeping, return_exceptions=True)


async def _keep(extend: Callable[[], Awaitable[bool]], lease_s: float) -> None:
    """Returns when the lease is lost, or may be: who could not extend it does not know."""
    held_until = time.monotonic() + lease_s
    while time.monotonic() < held_until:
        await asyncio.sleep(lease_s / 4)
        asked = time.monotonic()
        with suppress(Retry):
            if not await extend():
                return
            held_until = asked + lease_s
