"""`python -m bench`: prepare the crowd, run the scenarios against the running platform, print and keep the report."""

import asyncio
import ipaddress
import os
import socket
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
import typer
import uvloop
from rich.console import Console

from bench import stack
from bench.device import RefusedError
from bench.people import gather
from bench.report import Report, markdown
from bench.run import Result, Scenario, measure
from clients.parley import ParleyError
from clients.parley.settings import gateway_url, state_folder

FAILED = 1

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
said = Console(stderr=True, highlight=False, soft_wrap=True)

Names = Annotated[str, typer.Option(metavar="NAMES", help="Which of http, socket (closed loop) and rate (open loop).")]


@app.command()
def bench(
    quick: Annotated[bool, typer.Option("--quick", help="One run of 10 s each instead of three of 20 s.")] = False,
    url: Annotated[str | None, typer.Option(help="The gateway; by default that of the running platform.")] = None,
    only: Names = "http,socket,rate",
    rate: Annotated[float, typer.Option(min=1, help="Messages a second of the open loop, over HTTP.")] = 100.0,
    seconds: Annotated[float | None, typer.Option(min=1, help="Length of a run.")] = None,
    runs: Annotated[int | None, typer.Option(min=1, help="Runs of each scenario.")] = None,
    pairs: Annotated[int, typer.Option(min=1, help="Senders, each with a partner.")] = 50,
) -> None:
    """Measure what a message costs: throughput, latency, CPU by process, memory; and count what goes wrong.

    Prints a Markdown table and keeps it with a JSON document in the state folder under bench/. Exits with 1 when a
    message was lost, doubled or out of order, or a run failed."""
    where = url or gateway_url(os.environ)
    if not is_loopback(urlsplit(where).hostname or ""):
        raise typer.BadParameter(f"{where} is not this machine: the load is for loopback addresses only")
    scenarios = choose(only.split(","), rate, seconds or (10.0 if quick else 20.0), 2.0 if quick else 5.0)
    try:
        report = uvloop.run(_bench(where, scenarios, runs or (1 if quick else 3), pairs))
    except (ParleyError, stack.StackError, RefusedError, ExceptionGroup, TimeoutError) as error:
        said.print(_words(error), style="red", markup=False)
        raise typer.Exit(FAILED) from None
    typer.echo(_keep(report))
    if not all(result.verdict.clean and result.final for result in report.results):
        raise typer.Exit(FAILED)


async def _bench(url: str, scenarios: list[Scenario], runs: int, count: int) -> Report:
    settings = await asyncio.to_thread(stack.settings, url)
    pairs = await gather(url, count, state_folder(os.environ) / "bench" / "users.json", said)
    results: list[Result] = []
    for number in range(1, runs + 1):
        for scenario in scenarios:
            said.print(f"{scenario.name}, run {number} of {runs}: {scenario.seconds:g} s …", style="dim")
            result = await measure(url, pairs, scenario)
            said.print(f"  {result.per_second:,.0f}/s, {result.costs.cpu_ms:.3f} ms CPU a message", style="dim")
            results.append(result)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return Report(at=at, settings=settings, pairs=count, scenarios=scenarios, results=results)


def choose(names: list[str], rate: float, seconds: float, warm_up_s: float) -> list[Scenario]:
    """The scenarios of these names, in this order; raises `typer.BadParameter` for a name that is none."""
    known = {
        "http": Scenario("HTTP, closed loop", "http", seconds, warm_up_s),
        "socket": Scenario("socket, closed loop", "socket", seconds, warm_up_s),
        "rate": Scenario(f"HTTP, {rate:g}/s open loop", "http", seconds, warm_up_s, rate),
    }
    unknown = [name for name in names if name not in known]
    if unknown:
        raise typer.BadParameter(f"{', '.join(unknown)}: choose from {', '.join(known)}")
    return [known[name] for name in names]


def is_loopback(host: str) -> bool:
    """Whether every address of that name is this machine's own."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return bool(found) and all(ipaddress.ip_address(address[4][0]).is_loopback for address in found)


def _keep(report: Report) -> str:
    folder = state_folder(os.environ) / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    text = markdown(report)
    name = report.at.replace(":", "").replace("+0000", "Z")
    (folder / f"{name}.json").write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2))
    (folder / f"{name}.md").write_text(text)
    said.print(f"kept as {folder / name}.json and .md", style="dim")
    return text


def _words(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        return _words(error.exceptions[0])
    return f"the run failed: {error or type(error).__name__}"
