"""`python -m bench`: prepare the crowd, run the scenarios against the running platform, print and keep the report."""

import asyncio
import ipaddress
import os
import socket
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

import msgspec
import typer
import uvloop
from rich.console import Console

from bench import document, stack
from bench.device import RefusedError
from bench.people import gather
from bench.picture.drawing import draw, foot
from bench.picture.take import picture
from bench.program import program
from bench.report import Report
from bench.scenarios import EVERYTHING, HELD_S, Scenario, choose
from bench.series import about, run_all
from bench.warm_up import warm_up
from clients.parley import ParleyError
from clients.parley.settings import gateway_url, state_folder

FAILED = 1
WHOLE_S, QUICK_S = 20.0, 6.0
SLICE_S, SLICES = 8.0, 8  # of the warm-up

said = Console(stderr=True, highlight=False, soft_wrap=True)

Url = Annotated[str | None, typer.Option(metavar="URL", help="The gateway; by default that of the running platform.")]
NAMES = """Which, in this order: http, socket, batch (closed loop: each sender waits for the answer); http@500,
socket@500, batch@500 (open loop: as many messages are due each second, at any rate); rush (HTTP, 3,333 a second, from
idle); idle (nothing is sent)."""


def bench(
    quick: Annotated[bool, typer.Option("--quick", help="One run of 6 s each instead of three of 20 s.")] = False,
    url: Url = None,
    only: Annotated[str, typer.Option(metavar="NAMES", help=NAMES)] = EVERYTHING,
    seconds: Annotated[float | None, typer.Option(min=1, help="Length of a run; of http@1667 it is 60 s.")] = None,
    runs: Annotated[int | None, typer.Option(min=1, help="Runs of each.")] = None,
    pairs: Annotated[int, typer.Option(min=1, help="Senders, each with a partner.")] = 50,
    write: Annotated[
        Path | None, typer.Option(help="Write the page of the figures here, its picture beside it.")
    ] = None,
) -> None:
    """Measure what a message costs: throughput, latency, CPU by process, memory; and count what goes wrong.

    Prints goals and figures as Markdown and keeps them with a JSON document in the state folder under bench/. Exits
    with 1 when a message was lost, doubled or out of order, or a run failed."""
    where = own_gateway(url)
    length = seconds or (QUICK_S if quick else WHOLE_S)
    try:
        chosen = choose(only.split(","), length, 2.0 if quick else 3.0, None if seconds or quick else HELD_S)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--only") from None
    try:
        order = Order(where, chosen, runs or (1 if quick else 3), pairs, SLICE_S / 2 if quick else SLICE_S, bool(write))
        report = uvloop.run(_bench(order))
    except (ParleyError, stack.StackError, RefusedError, ExceptionGroup, TimeoutError) as error:
        said.print(_words(error), style="red", markup=False)
        raise typer.Exit(FAILED) from None
    typer.echo(_keep(report))
    if write:
        _write(report, write)
    if not all(result.verdict.clean and result.final for result in report.results):
        raise typer.Exit(FAILED)


app = program(bench)


class Order(NamedTuple):
    """What is to be measured, and whether the picture is wanted too."""

    url: str
    scenarios: list[Scenario]
    runs: int
    pairs: int
    slice_s: float
    picture: bool


async def _bench(order: Order) -> Report:
    say = partial(said.print, style="dim", markup=False)
    url, scenarios = order.url, order.scenarios
    settings = await asyncio.to_thread(stack.settings, url)
    pairs = await gather(url, order.pairs, state_folder(os.environ) / "bench" / "users.json", said)
    say(f"{order.runs} x {len(scenarios)} runs take about {about(scenarios * order.runs)}, after a warm-up")
    spent = await warm_up(url, pairs, order.slice_s, SLICES, say)
    results, idles = await run_all(url, pairs, scenarios, order.runs, say)
    return Report(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        settings=settings,
        pairs=order.pairs,
        warm_up_ms=spent,
        scenarios=scenarios,
        results=results,
        idles=idles,
        messages=await picture(url, pairs, scenarios, results, say) if order.picture else [],
    )


def own_gateway(url: str | None = None) -> str:
    """Where the load goes: that, or the running platform. Raises `BadParameter` where it is another machine."""
    where = url or gateway_url(os.environ)
    if not is_loopback(urlsplit(where).hostname or ""):
        raise typer.BadParameter(f"{where} is not this machine: the load is for loopback addresses only")
    return where


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
    text = document.summary(report)
    name = report.at.replace(":", "").replace("+0000", "Z")
    (folder / f"{name}.json").write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2))
    (folder / f"{name}.md").write_text(text)
    said.print(f"kept as {folder / name}.json and .md", style="dim")
    return text


def _write(report: Report, page: Path) -> None:
    page.parent.mkdir(parents=True, exist_ok=True)
    if report.messages:
        page.with_suffix(".svg").write_text(draw(report.messages, foot(report.at, report.settings["commit"])))
    written, before = document.page(report), page.read_text() if page.exists() else ""
    for title in document.OF_OTHERS:
        if kept := document.section_of(before, title):
            written = document.with_section(written, title, kept)
    page.write_text(written)


def _words(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        return _words(error.exceptions[0])
    return f"the run failed: {error or type(error).__name__}"
