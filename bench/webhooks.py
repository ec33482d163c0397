"""`python -m bench.webhooks`: how soon 200 endpoints hear of what happens, with none of them dead and with five.

Each message to an owner is told to the 20 endpoints of theirs; arrival is measured from when the message was accepted,
which is what its event says. The dead ones accept connections and never answer.
"""

import asyncio
import os
import secrets
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec
import typer
import uvloop

from bench import stack
from bench.cli import FAILED, Url, own_gateway, said
from bench.document import WEBHOOKS, with_section
from bench.program import program
from clients.parley import ParleyClient

EACH = 20  # webhooks of an owner: the most by default
GOAL = 1.2
SETTLE_S = 60.0
SLICES = 3  # of each phase, in turn: what else the machine does meets both
SHOWN = ("webhooks", "mongo", "kafka", "router")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Figures(NamedTuple):
    """Of one phase: events at living endpoints, ms from acceptance to arrival, CPU in ms for each of them."""

    events: int
    expected: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    cpu_ms: dict[str, float]


@dataclass
class Receivers:
    """All endpoints behind one port, by path: `/7` is the eighth."""

    dead: frozenset[int] = frozenset()
    arrivals: list[tuple[str, float]] = field(default_factory=list)
    """At living ones: (message, ms from acceptance)."""
    url: str = ""

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            length = int(next(line for line in head.split("\r\n") if line.startswith("content-length"))[15:])
            event = msgspec.json.decode(await reader.readexactly(length))
            if int(head.split(" ", 2)[1][1:]) in self.dead:
                await reader.read()  # until the caller gives up
                return
            happened = datetime.fromisoformat(event["timestamp"]).timestamp()
            self.arrivals.append((event["data"]["message_id"], (time.time() - happened) * 1000))
            writer.write(OK)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receivers]:
    made = Receivers()
    server = await asyncio.start_server(made.take, "127.0.0.1", 0, backlog=1024)
    async with server:
        made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield made


@dataclass(frozen=True)
class Crowd:
    """Somebody who writes, and the conversations with those who have webhooks."""

    writer: ParleyClient
    conversations: Sequence[str]

    async def write(self, seconds: float, pause_s: float) -> list[str]:
        """To one after the other, at a steady pace: the messages."""
        begin, sent = time.monotonic(), list[str]()
        while time.monotonic() < begin + seconds:
            to = self.conversations[len(sent) % len(self.conversations)]
            sent.append((await self.writer.send(to, "Hello.")).message_id)
            await asyncio.sleep(max(0.0, begin + len(sent) * pause_s - time.monotonic()))
        return sent


async def gather(url: str, endpoints: int, to: str, resources: AsyncExitStack) -> Crowd:
    async def somebody() -> tuple[ParleyClient, str]:
        client = await resources.enter_async_context(ParleyClient(url, deadline_s=60))
        name, password = f"bench-{secrets.token_hex(6)}", secrets.token_urlsafe(12)
        await client.register(name, password)
        await client.log_in(name, password)
        return client, name

    writer, _ = await somebody()
    conversations = []
    for first in range(0, endpoints, EACH):
        owner, name = await somebody()
        conversations.append((await writer.open_conversation([name])).conversation_id)
        for number in range(first, min(first + EACH, endpoints)):
            hook = await owner.webhooks.create(f"{to}/{number}", events=["message.received"])
            resources.push_async_callback(owner.webhooks.delete, hook.webhook_id)
    return Crowd(writer, conversations)


class Slice(NamedTuple):
    """A part of a phase: ms of what arrived of it, how many should, CPU in s of each process."""

    took_ms: list[float]
    expected: int
    cpu_s: dict[str, float]


async def take(crowd: Crowd, there: Receivers, dead: frozenset[int], seconds: float, pause_s: float) -> Slice:
    """What the dead of the slice before get late is not of this one."""
    there.dead = dead
    there.arrivals.clear()
    pids = await asyncio.to_thread(stack.pids)
    before = stack.snapshot(pids)
    sent = await crowd.write(seconds, pause_s)
    ours, places = {*sent}, len(crowd.conversations)
    expected = sum(EACH - sum(n // EACH == index % places for n in dead) for index in range(len(sent)))

    def took_ms() -> list[float]:
        return [ms for message_id, ms in there.arrivals if message_id in ours]

    end = time.monotonic() + SETTLE_S
    while time.monotonic() < end:
        if len(took_ms()) >= expected:
            break
        await asyncio.sleep(0.05)
    after = stack.snapshot(pids)
    spent = {name: after.by_name[name].cpu_s - before.by_name[name].cpu_s for name in SHOWN}
    return Slice(took_ms(), expected, spent)


def figures(slices: Sequence[Slice]) -> Figures:
    took = [ms for one in slices for ms in one.took_ms]
    cuts = statistics.quantiles(took, n=100)
    cpu_ms = {name: 1000 * sum(one.cpu_s[name] for one in slices) / len(took) for name in SHOWN}
    return Figures(len(took), sum(one.expected for one in slices), cuts[49], cuts[94], cuts[98], cpu_ms)


def markdown(rows: Sequence[tuple[str, Figures]], endpoints: int, per_s: float, at: str) -> str:
    """The section of the page."""
    ratio = rows[1][1].p95_ms / rows[0][1].p95_ms
    lines = [
        WEBHOOKS,
        f"{at}: {per_s:g} messages a second, each told to {EACH} of {endpoints} endpoints; from its acceptance to its",
        "arrival at the living. `make bench what=webhooks` measures it.",
        "",
        f"| {endpoints} endpoints | events | p50 | p95 | p99 | CPU in ms for each |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
    ]
    for words, f in rows:
        cpu = ", ".join(f"{name} {ms:.2f}" for name, ms in f.cpu_ms.items())
        lines.append(f"| {words} | {f.events} | {f.p50_ms:.0f} ms | {f.p95_ms:.0f} ms | {f.p99_ms:.0f} ms | {cpu} |")
    kept = "✓" if ratio <= GOAL else "✗"
    lines += ["", f"p95 with dead ones is {ratio:.2f} of that without; goal: ≤ {GOAL:g} {kept}. Every event arrived."]
    return "\n".join(lines) if all(f.events == f.expected for _, f in rows) else "\n".join(lines[:-1])


async def _run(url: str, endpoints: int, dead: int, seconds: float, per_s: float) -> list[tuple[str, Figures]]:
    pause_s = 1 / per_s
    some = frozenset(n * (endpoints // dead) for n in range(dead))
    async with AsyncExitStack() as resources:
        there = await resources.enter_async_context(receiving())
        crowd = await gather(url, endpoints, there.url, resources)
        await take(crowd, there, frozenset(), min(seconds, 10), pause_s)
        taken: dict[frozenset[int], list[Slice]] = {frozenset(): [], some: []}
        for turn in range(2 * SLICES):
            which = (frozenset[int](), some)[turn % 2]
            taken[which].append(await take(crowd, there, which, seconds / SLICES, pause_s))
        return [("none dead", figures(taken[frozenset()])), (f"{dead} dead", figures(taken[some]))]


def main(
    endpoints: Annotated[int, typer.Option(min=EACH, max=1000, help="All of them, in twenties.")] = 200,
    dead: Annotated[int, typer.Option(min=1, max=50, help="Of them, in the second phase.")] = 5,
    seconds: Annotated[float, typer.Option(min=1, help="Of each phase.")] = 45,
    per_s: Annotated[float, typer.Option("--per-second", min=0.1, help="Messages, each for 20 endpoints.")] = 2,
    write: Annotated[Path | None, typer.Option(help="Put the section into this page.")] = None,
    url: Url = None,
) -> None:
    """Measure how soon endpoints hear of what happens. Exits with 1 where the dead delay the living."""
    where = own_gateway(url)
    rows = uvloop.run(_run(where, endpoints, dead, seconds, per_s))
    commit = stack.settings(where)["commit"]
    at = f"{datetime.now(UTC).isoformat(timespec='seconds')}, commit {commit}, load average {os.getloadavg()[1]:.0f}"
    section = markdown(rows, endpoints, per_s, at)
    typer.echo(section)
    if write:
        write.write_text(with_section(write.read_text(), WEBHOOKS, section))
    none, some = (one for _, one in rows)
    if any(f.events < f.expected for f in (none, some)):
        said.print("events are missing", style="red")
        raise typer.Exit(FAILED)
    if some.p95_ms > GOAL * none.p95_ms:
        said.print(f"more than {GOAL} times", style="red")
        raise typer.Exit(FAILED)


if __name__ == "__main__":
    program(main)()
