"""`python -m bench.sockets`: what open chat sockets cost when nothing happens: memory of each, CPU of all."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, NamedTuple

import typer
import uvloop

from bench import stack
from bench.cli import FAILED, Url, own_gateway, said
from bench.device import Device, Frame, Tally, connect
from bench.load import clock, quiet_collector
from bench.people import gather
from bench.proc import Usage
from bench.program import program
from clients.parley.settings import state_folder

AT_ONCE = 100  # that log in
ANSWER_S = 60.0
PAIRS = 50
SHOWN = ("presence", "nginx", "redis")
PING = b'{"type":"ping"}'


class Cost(NamedTuple):
    """One process: CPU to open all sockets, memory in all and what each socket added, CPU of a second of silence.

    A process keeps memory that it once had: what a socket adds shows where there were not so many before."""

    opening_cpu_s: float
    rss: int
    bytes_each: float
    idle_ms_per_s: float


class Figures(NamedTuple):
    """`silent` counts the sockets that were closed or did not answer a ping at the end."""

    sockets: int
    opening_s: float
    silent: int
    costs: dict[str, Cost]


@asynccontextmanager
async def opened(url: str, tokens: Sequence[str]) -> AsyncIterator[list[Device]]:
    """Inside the block a socket of each token is logged in and caught up."""
    devices = [Device("", Tally()) for _ in tokens]
    waiting = list(zip(devices, tokens, strict=True))

    async def open_next() -> None:
        while waiting:
            device, token = waiting.pop()
            await connect(url, token, device)

    try:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(open_next())
        yield devices
    finally:
        for device in devices:
            device.close()


async def silent(devices: Sequence[Device], answer_s: float = ANSWER_S) -> int:
    """How many do not answer a ping."""
    unheard = set(devices)
    all_heard = asyncio.Event()

    def hear(device: Device, frame: Frame) -> None:
        if frame.type == "pong":
            unheard.discard(device)
        if not unheard:
            all_heard.set()

    for device in devices:
        device.on_frame.append(lambda frame, device=device: hear(device, frame))
        if device.closed is None:
            device.write(PING)
    try:
        async with asyncio.timeout(answer_s):
            await all_heard.wait()
    except TimeoutError:
        pass
    return len(unheard)


async def measure(url: str, tokens: Sequence[str], idle_s: float, pids: Mapping[str, int]) -> Figures:
    with quiet_collector():
        before, start = stack.snapshot(pids), clock()
        async with opened(url, tokens) as devices:
            opening_s, after = clock() - start, stack.snapshot(pids)
            idle_from = clock()
            await asyncio.sleep(idle_s)
            took_s, end = clock() - idle_from, stack.snapshot(pids)
            unheard = await silent(devices)
    costs = {name: _cost([s.by_name[name] for s in (before, after, end)], len(tokens), took_s) for name in SHOWN}
    return Figures(len(tokens), opening_s, unheard, costs)


def _cost(used: Sequence[Usage], count: int, idle_s: float) -> Cost:
    before, after, end = used
    return Cost(
        after.cpu_s - before.cpu_s, end.rss, (end.rss - before.rss) / count, 1000 * (end.cpu_s - after.cpu_s) / idle_s
    )


def markdown(figures: Figures) -> str:
    costs = figures.costs.values()
    rows = [
        ["", *figures.costs],
        ["---", *["---:"] * len(figures.costs)],
        ["memory, MiB", *(f"{cost.rss / 1024**2:.0f}" for cost in costs)],
        ["… added by each socket, KiB", *(f"{cost.bytes_each / 1024:.1f}" for cost in costs)],
        ["CPU to open one, ms", *(f"{1000 * cost.opening_cpu_s / figures.sockets:.2f}" for cost in costs)],
        ["CPU of an idle second, ms", *(f"{cost.idle_ms_per_s:.1f}" for cost in costs)],
    ]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"{figures.sockets} sockets, opened in {figures.opening_s:.1f} s, {figures.silent} silent\n\n{table}"


async def _run(url: str, count: int, idle_s: float) -> Figures:
    pairs = await gather(url, PAIRS, state_folder(os.environ) / "bench" / "users.json", said)
    tokens = itertools.cycle([user.access_token for pair in pairs for user in (pair.sender, pair.recipient)])
    pids = await asyncio.to_thread(stack.pids)
    return await measure(url, list(itertools.islice(tokens, count)), idle_s, pids)


def main(
    count: Annotated[int, typer.Option(min=1, help="Sockets, of 100 users in turn.")] = 2000,
    idle: Annotated[float, typer.Option(min=1, help="Seconds in which nothing is sent.")] = 20.0,
    url: Url = None,
) -> None:
    """Measure what open sockets cost when nothing happens."""
    where = own_gateway(url)
    figures = uvloop.run(_run(where, count, idle))
    typer.echo(markdown(figures))
    if figures.silent:
        raise typer.Exit(FAILED)


if __name__ == "__main__":
    program(main)()
