"""People on a simulated platform, each of whom gets what one sender here writes: who they are, what came, and when."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import httpx

from bench.device import RefusedError
from bench.load import clock, due_times
from bench.people import Pair
from clients.parley import ParleyClient, ProblemError

TAKEN = 1000  # addresses that earlier users have
ENDS_WITHIN_S = 120.0  # the breaker looks again every 30 s at the latest, and then the rates of the platform hold
OPENS_WITHIN_S = 60.0
PAGE = 1000


class Passage(NamedTuple):
    """When a message was due, accepted here, and noted in the platform's own log; in seconds since 1970."""

    due: float
    accepted: float
    arrived: float


class Outside:
    """`pairs`: the sender here, and whose address each is."""

    def __init__(self, url: str, simulator: str, channel: str, pairs: Sequence[Pair]) -> None:
        self._url = url
        self._channel = channel
        self._pairs = pairs
        self._http = httpx.AsyncClient(base_url=f"{simulator}/_sim/{channel}/", trust_env=False, timeout=30)
        self._senders = [ParleyClient(url, access_token=pair.sender.access_token) for pair in pairs]
        self._addresses: list[str] = []
        self._texts: list[list[str]] = []
        self._times: dict[tuple[int, str], tuple[float, float]] = {}

    async def move_in(self) -> None:
        """New people, at new addresses: nothing of an earlier run is theirs."""
        self._texts = [[] for _ in self._pairs]
        self._times = {}
        self._addresses = [await self._move(pair) for pair in self._pairs]

    async def _move(self, pair: Pair) -> str:
        """A simulator that was started anew counts from its first person again, whose address may be another user's."""
        async with ParleyClient(self._url, access_token=pair.recipient.access_token) as client:
            for _ in range(TAKEN):
                address = str((await self._tell("people", {"first_name": "Bench"}))["id"])
                try:
                    await client.map_channel(self._channel, address)
                except ProblemError as problem:
                    if problem.code != "address_taken":
                        raise
                else:
                    return address
        raise RefusedError("no address on the simulated platform is free")

    async def write_first(self) -> None:
        """Everybody there, where nobody may write to them before. Returns when they may be written to."""
        for address in self._addresses:
            await self._tell(f"people/{address}/say", {"text": "hello"})
        async with asyncio.timeout(OPENS_WITHIN_S):
            await asyncio.gather(*map(self._opened, range(len(self._pairs))))

    async def _opened(self, who: int) -> None:
        while True:
            if await self._is_open(who):
                return
            await asyncio.sleep(0.1)

    async def _is_open(self, who: int) -> bool:
        talk = await self._senders[who].conversation(self._pairs[who].conversation_id)
        return any(window.open for window in talk.windows or () if window.channel == self._channel)

    async def suffer(self, after_s: float, **fault: Any) -> None:
        """The platform does, then."""
        await asyncio.sleep(after_s)
        await self._tell("faults", fault)

    async def send(self, seconds: float, rate: float) -> int:
        """How many were sent; each sender's in their order."""
        count = 0
        start = clock()
        async with asyncio.TaskGroup() as tasks:
            for count, due in enumerate(due_times(start, seconds, rate), 1):
                await asyncio.sleep(max(0.0, due - clock()))
                tasks.create_task(self._send((count - 1) % len(self._pairs), str(count)))
        return count

    async def _send(self, who: int, text: str) -> None:
        self._texts[who].append(text)
        due = time.time()
        accepted = await self._senders[who].send(self._pairs[who].conversation_id, text, channels=[self._channel])
        self._times[who, text] = due, accepted.accepted_at.timestamp()

    async def passages(self) -> list[Passage]:
        """Of everything that arrived."""
        found = []
        for who in range(len(self._pairs)):
            for entry in await self._arrived(who):
                due, accepted = self._times[who, entry["text"]]
                found.append(Passage(due, accepted, entry["at"]))
        return found

    async def wrong(self) -> list[str]:
        """Waits until all have arrived, and says where they are not there once and in order."""
        end = time.monotonic() + ENDS_WITHIN_S
        while True:
            found = await self._found()
            if not found or time.monotonic() > end:
                return found
            await asyncio.sleep(0.5)

    async def _found(self) -> list[str]:
        found = []
        for who, sent in enumerate(self._texts):
            texts = [entry["text"] for entry in await self._arrived(who)]
            if texts != sent:
                found.append(f"chat {self._addresses[who]} has {len(texts)} of {len(sent)}, or not in order")
        return found

    async def _arrived(self, who: int) -> list[dict[str, Any]]:
        got = await self._http.get("log", params={"chat": self._addresses[who], "limit": PAGE})
        return [entry for entry in got.raise_for_status().json()["items"] if entry["what"] == "sent"]

    async def _tell(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = (await self._http.post(path, json=body)).raise_for_status()
        told: dict[str, Any] = answer.json()
        return told

    async def close(self) -> None:
        await self._http.aclose()
        for sender in self._senders:
            await sender.close()
