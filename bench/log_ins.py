"""`python -m bench.log_ins`: how long `GET /v1/users/me` takes while nobody and while 20 people log in at once."""

import asyncio
import math
import os
import secrets
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

import msgspec
import typer
import uvloop

from bench import stack
from bench.cli import FAILED, Url, own_gateway, said
from bench.figures import Latency, latency
from bench.http import Connection, head
from bench.load import clock, due_times, quiet_collector
from bench.program import program
from clients.parley import ParleyClient

RATE = 100.0
WARM_UP_S = 2.0


class User(NamedTuple):
    username: str
    password: str


class Figures(NamedTuple):
    """Latencies of answers with 200; `refused` counts all others by status."""

    me_ms: Latency
    log_in_ms: Latency
    log_ins_per_second: float
    auth_cores: float
    others_cores: float
    refused: Counter[int]


class Asker:
    """Requests through the gateway, each on a free connection, and how long they took."""

    def __init__(self, url: str) -> None:
        where = urlsplit(url)
        self._host, self._port = where.hostname or "127.0.0.1", where.port or 80
        self._netloc = where.netloc
        self._free: list[Connection] = []
        self.seconds: list[float] = []
        self.refused: Counter[int] = Counter()

    async def see_oneself(self, token: str, due: float) -> None:
        """Its latency counts from when it was due."""
        await self._ask(head("GET", "/v1/users/me", self._netloc, token, 0), min(due, clock()))

    async def log_in(self, user: User) -> None:
        body = msgspec.json.encode({"grant_type": "password"} | user._asdict())
        await self._ask(head("POST", "/v1/auth/token", self._netloc, "", len(body)) + body, clock())

    def close(self) -> None:
        for connection in self._free:
            connection.close()

    async def _ask(self, request: bytes, begin: float) -> None:
        connection = self._free.pop() if self._free else Connection(self._host, self._port)
        answer = await connection.ask(request)
        self._free.append(connection)
        if answer.status == 200:
            self.seconds.append(clock() - begin)
        else:
            self.refused[answer.status] += 1


async def load(url: str, token: str, users: Sequence[User], seconds: float) -> tuple[Asker, Asker]:
    """One looks at themselves at a steady rate; each of `users` logs in again as soon as they are logged in."""
    oneself, log_ins = Asker(url), Asker(url)
    start = clock()

    async def log_in_again(user: User) -> None:
        while clock() < start + seconds:
            await log_ins.log_in(user)

    async with asyncio.timeout(seconds + 60), asyncio.TaskGroup() as tasks:
        for user in users:
            tasks.create_task(log_in_again(user))
        for due in due_times(start, seconds, RATE):
            await asyncio.sleep(max(0.0, due - clock()))
            tasks.create_task(oneself.see_oneself(token, due))
    oneself.close()
    log_ins.close()
    return oneself, log_ins


async def measure(url: str, token: str, users: Sequence[User], seconds: float) -> Figures:
    await load(url, token, users, WARM_UP_S)
    pids = await asyncio.to_thread(stack.pids)
    with quiet_collector():
        before, start = stack.snapshot(pids), clock()
        oneself, log_ins = await load(url, token, users, seconds)
        took_s, after = clock() - start, stack.snapshot(pids)
    costs = stack.costs(before, after, 1000, os.getloadavg()[0])  # of a thousand: CPU in seconds
    return Figures(
        me_ms=latency(oneself.seconds),
        log_in_ms=latency(log_ins.seconds),
        log_ins_per_second=len(log_ins.seconds) / took_s,
        auth_cores=costs.cpu_ms_by_process["auth"] / took_s,
        others_cores=costs.others_cores,
        refused=oneself.refused + log_ins.refused,
    )


async def register(url: str, count: int) -> tuple[str, list[User]]:
    """New users, whom other runs do not need: the hundredth log-in after one ends it. And a token of one more."""
    users = [User(f"bench-{secrets.token_hex(6)}", secrets.token_urlsafe(12)) for _ in range(count + 1)]
    async with ParleyClient(url, deadline_s=60) as client:
        await asyncio.gather(*(client.register(*user) for user in users))
        return (await client.log_in(*users.pop())).access_token, users


async def compare(url: str, at_once: int, seconds: float) -> dict[str, Figures]:
    token, users = await register(url, at_once)
    return {
        "nobody logs in": await measure(url, token, [], seconds),
        f"{at_once} log in at once": await measure(url, token, users, seconds),
    }


def markdown(columns: dict[str, Figures]) -> str:
    def row(what: str, *cells: str) -> str:
        return f"| {' | '.join([what, *cells])} |"

    def ms(figures: Latency) -> str:
        return "-" if math.isnan(figures.p50) else " / ".join(f"{value:,.1f}" for value in figures)

    shown = columns.values()
    return "\n".join(
        [
            row("", *columns),
            row("---", *["---:"] * len(columns)),
            row(f"`GET /v1/users/me` at {RATE:g}/s, p50 / p95 / p99, ms", *(ms(one.me_ms) for one in shown)),
            row("log-ins per second", *(f"{one.log_ins_per_second:.1f}" for one in shown)),
            row("log-in, p50 / p95 / p99, ms", *(ms(one.log_in_ms) for one in shown)),
            row("CPU of auth, cores", *(f"{one.auth_cores:.2f}" for one in shown)),
            row("CPU of others, cores", *(f"{one.others_cores:.2f}" for one in shown)),
            row("refused", *(str(one.refused.total()) for one in shown)),
        ]
    )


def main(
    at_once: Annotated[int, typer.Option(min=1, max=60, help="People who log in.")] = 20,
    seconds: Annotated[float, typer.Option(min=1, help="Length of a run.")] = 15.0,
    url: Url = None,
) -> None:
    """Measure how log-ins, a quarter of a second of CPU each, disturb other requests to auth."""
    where = own_gateway(url)
    columns = uvloop.run(compare(where, at_once, seconds))
    typer.echo(markdown(columns))
    for name, figures in columns.items():
        for status, count in figures.refused.items():
            said.print(f"{name}: {count} times {status}", style="red")
    if any(figures.refused for figures in columns.values()):
        raise typer.Exit(FAILED)


if __name__ == "__main__":
    program(main)()
