"""What the platform uses when nobody does anything: no load, no socket."""

import asyncio

import msgspec

from bench import stack
from bench.load import clock

CALM_S = 8.0  # until what the last load left is done


class Idle(msgspec.Struct, frozen=True):
    """CPU of each process in % of one core."""

    seconds: float
    percent: dict[str, float]

    @property
    def everything(self) -> float:
        return sum(self.percent.values())

    @property
    def ours(self) -> float:
        """Of the services, without stores, gateway and supervisor."""
        return sum(self.percent.get(name, 0.0) for name in stack.OURS)


async def rest(seconds: float) -> Idle:
    """Wait until it is calm, then count for so long."""
    await asyncio.sleep(CALM_S)
    pids = await asyncio.to_thread(stack.pids)
    before, start = stack.snapshot(pids), clock()
    await asyncio.sleep(seconds)
    after, end = stack.snapshot(pids), clock()
    return Idle(round(end - start, 3), stack.percent(before, after, end - start))
