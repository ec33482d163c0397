"""A device that hears of all conversations of its user, acknowledges when told, and counts what it is sent."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import picows

from bench.device import CLOSED, Device, Frame, RefusedError, Tally

PATIENCE_S = 60.0


class Ear(Device):
    """`frames` and `bytes` count what came. Whoever waits for something hears of a refusal instead: `RefusedError`."""

    def __init__(self) -> None:
        super().__init__("", Tally())
        self.frames = self.bytes = 0
        self._accepted: set[str] = set()
        self._numbers: dict[str, int] = {}
        self._receipts: dict[tuple[str, str], int] = {}
        self._refused: str | None = None
        self._heard = asyncio.Event()
        self.on_frame.append(self._note)

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        self.frames += 1
        self.bytes += len(frame.get_payload_as_memoryview())
        super().on_ws_frame(transport, frame)

    def flush(self) -> None:
        """Nothing is acknowledged unless told."""

    def say(self, frame: dict[str, Any]) -> None:
        self.write(msgspec.json.encode(frame))

    async def accepted(self, ref: str) -> None:
        await self._until(lambda: ref in self._accepted)

    async def message(self, conversation_id: str, number: int) -> None:
        await self._until(lambda: self._numbers.get(conversation_id, 0) >= number)

    async def receipt(self, conversation_id: str, username: str, number: int) -> None:
        """Returns when it has heard that this member has everything up to the number."""
        await self._until(lambda: self._receipts.get((conversation_id, username), 0) >= number)

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                if self._refused:
                    raise RefusedError(self._refused)
                self._heard.clear()
                await self._heard.wait()

    def _note(self, frame: Frame) -> None:
        if frame.type == "message":
            self._numbers[frame.conversation_id] = frame.sequence_number
        elif frame.type == "receipt":
            self._receipts[frame.conversation_id, frame.username] = frame.sequence_number
        elif frame.type == "accepted":
            self._accepted.add(frame.ref)
        elif frame.type in ("rejected", "error", CLOSED):
            self._refused = f"{frame.type} {self.closed or ''} {bytes(frame.problem).decode()}"
        self._heard.set()
