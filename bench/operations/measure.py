"""What each load costs: the counters' difference, without what they count when nobody writes, for each message."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from bench.operations.budget import Cost
from bench.operations.loads import Load, loads
from bench.operations.rooms import Couple, connected, passed
from bench.operations.servers import COMMITS, GROUPS, Counts, Servers, connect
from bench.people import gather
from clients.parley.settings import read_settings

COUPLES = 2
IDLE_S = 4.0


async def measure(settings_file: Path, said: Console) -> list[Cost]:
    """Runs every load on the stack of these settings, which nobody else may use meanwhile."""
    url = read_settings(settings_file)["PARLEY_GATEWAY_URL"]
    pairs = await gather(url, COUPLES, settings_file.parent / "bench" / "operations.json", said)
    async with connect(settings_file) as servers, connected(url, pairs) as couples:
        prepared = await loads(url, couples)
        for load in prepared:
            await load.run(load.rooms)
        await servers.committed()
        meter = Meter(servers, couples)
        await meter.rest()
        costs = [Cost(load.name, load.messages, await meter.cost(load)) for load in prepared]
        for load in prepared[1:]:
            for room in load.rooms:
                await room.left()
    return costs


@dataclass
class Meter:
    servers: Servers
    couples: Sequence[Couple]
    _idle: dict[str, float] = field(default_factory=dict)

    async def rest(self) -> None:
        """Learns what every second adds, whatever is sent: sweeps, heartbeats, checks."""
        counts, seconds = await self._during(lambda: asyncio.sleep(IDLE_S))
        self._idle = {name: count / seconds for name, count in counts.items()}

    async def cost(self, load: Load) -> dict[str, float]:
        async def work() -> None:
            await load.run(load.rooms)
            await self.servers.committed()

        counts, seconds = await self._during(work)
        own = {name: count - self._idle[name] * seconds for name, count in counts.items()}
        own[COMMITS] = max(0.0, own[COMMITS] - len(GROUPS) * (seconds + 1))  # the first of each group comes at once
        return {name: count / load.messages for name, count in own.items()}

    async def _during(self, work: Callable[[], Awaitable[None]]) -> tuple[Counts, float]:
        """What is counted meanwhile, and for how long; looking counts too, so it is done once more before."""
        first = await self._look()
        before, begin = await self._look(), time.monotonic()
        await work()
        after, seconds = await self._look(), time.monotonic() - begin
        after.subtract(before)
        after.subtract({name: count - first[name] for name, count in before.items()})
        return after, seconds

    async def _look(self) -> Counts:
        counts = await self.servers.look()
        counts.update(passed(self.couples))
        return counts
