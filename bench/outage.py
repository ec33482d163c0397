"""`python -m bench.outage`: what internal messages notice while a platform is away and others are sent to it."""

import asyncio
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
import uvloop
from rich.console import Console

from bench import apart, stack
from bench.cli import FAILED, Url, own_gateway, said
from bench.document import APART, OUTAGE, with_section
from bench.figures import Latency, latency, spread
from bench.load import quiet_collector
from bench.outside import Outside
from bench.people import Pair, gather
from bench.program import program
from bench.run import Outcome, load, room
from bench.scenarios import Scenario
from clients.parley.settings import setting, state_folder

RATE = 100.0
OUTSIDE_RATE = 10.0  # as many people, and no platform takes more than one a second from an account to each
OUTSIDE = 10
WARM_UP_S = 10.0
GOAL = 1.2
PHASES = ("before", "during", "after")


class Round(NamedTuple):
    """One outage: the receipt latencies of internal messages by when they were due, and what was sent outside."""

    receipts: tuple[Latency, ...]
    internal: int
    outside: int
    wrong: tuple[str, ...]

    def ratio(self, phase: int) -> float:
        return self.receipts[phase].p95 / self.receipts[0].p95


def by_phase(outcome: Outcome, phase_s: float) -> tuple[Latency, ...]:
    """By when each was due; what was lost counts elsewhere."""
    phases: list[list[float]] = [[] for _ in PHASES]
    for lane in outcome.lanes:
        for due, arrived in zip(lane.due, lane.arrived, strict=True):
            if arrived:
                phases[min(int((due - outcome.start) / phase_s), len(PHASES) - 1)].append(arrived - due)
    return tuple(map(latency, phases))


async def take(url: str, pairs: Sequence[Pair], outside: Outside, phase_s: float) -> Round:
    """Before, during and after an outage, with the same load all the time."""
    await outside.move_in()
    scenario = Scenario("outage", len(PHASES) * phase_s, WARM_UP_S, "http", RATE)
    async with room(url, pairs, "http") as everybody:
        await load(everybody, scenario, scenario.warm_up_s)
        with quiet_collector():
            outcome, sent, _ = await asyncio.gather(
                load(everybody, scenario, scenario.seconds),
                outside.send(scenario.seconds, OUTSIDE_RATE),
                outside.suffer(phase_s, kind="refused", seconds=phase_s),
            )
    wrong = await outside.wrong()
    verdict = sum((lane.verdict() for lane in outcome.lanes[1:]), outcome.lanes[0].verdict())
    if not (verdict.clean and outcome.final):
        wrong.append(f"internal: {verdict}")
    return Round(by_phase(outcome, phase_s), verdict.received, sent, tuple(wrong))


def markdown(rounds: Sequence[Round], phase_s: float, at: str) -> str:
    """The section of the page."""
    rows = [_row("receipt p50 / p95 / p99, ms", *PHASES, "p95 during / before", "after / before")]
    rows.append(_row("---", *["---:"] * 5))
    for number, one in enumerate(rounds, 1):
        rows.append(_row(f"run {number}", *map(_ms, one.receipts), f"{one.ratio(1):.2f}", f"{one.ratio(2):.2f}"))
    ratio = spread([one.ratio(1) for one in rounds])
    after = spread([one.ratio(2) for one in rounds])
    kept = "✓" if ratio.median <= GOAL else "✗"
    internal, outside = sum(one.internal for one in rounds), sum(one.outside for one in rounds)
    return "\n".join(
        [
            OUTAGE,
            f"{at}: {RATE:g} internal messages a second, and {OUTSIDE_RATE:g} a second to Telegram, whose simulator",
            f"refuses all connections for {phase_s:g} s in the middle. `make bench what=outage` measures it.",
            "",
            *rows,
            "",
            f"Receipt p95 during the outage is {ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f}) of before;",
            f"goal: ≤ {GOAL:g} {kept}. After it, it is {after.median:.2f}. Of {internal:,} internal and {outside:,}",
            "external messages " + _fate(rounds),
        ]
    )


def _fate(rounds: Sequence[Round]) -> str:
    wrong = [words for one in rounds for words in one.wrong]
    return f"these are wrong: {'; '.join(wrong)}." if wrong else "all arrived, once and in order."


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _ms(one: Latency) -> str:
    return " / ".join(f"{value:,.1f}" for value in one)


async def compare(url: str, simulator: str, runs: int, pairs: int, phase_s: float) -> list[Round]:
    file = state_folder(os.environ) / "bench" / "users.json"
    known = await gather(url, pairs + OUTSIDE, file, Console(stderr=True))
    say = partial(said.print, style="dim", markup=False)
    outside = Outside(url, simulator, "telegram", known[pairs:])
    rounds = []
    try:
        for number in range(1, runs + 1):
            rounds.append(await take(url, known[:pairs], outside, phase_s))
            say(f"run {number}: receipt p95 {', '.join(f'{one.p95:.1f}' for one in rounds[-1].receipts)} ms")
    finally:
        await outside.close()
    return rounds


def main(
    seconds: Annotated[
        float, typer.Option(min=5, help="How long the platform is away, and before and after it.")
    ] = 30.0,
    runs: Annotated[int, typer.Option(min=1, help="Runs, one behind the other.")] = 1,
    pairs: Annotated[int, typer.Option(min=1, help="Senders of internal messages, each with a partner.")] = 20,
    only: Annotated[str | None, typer.Option(help="`internal` or `platforms`; both unless one is named.")] = None,
    write: Annotated[Path | None, typer.Option(help="Put the sections into this page.")] = None,
    url: Url = None,
) -> None:
    """Measure whether internal messages, and those to another platform, are slower while a platform is away: not by
    more than a fifth at the 95th percentile. Exits with 1 when they are, or when a message was lost, doubled or out of
    order."""
    if only not in (None, *_PARTS):
        raise typer.BadParameter(f"{only} is neither {' nor '.join(_PARTS)}")
    where, simulator = own_gateway(url), setting("PARLEY_SIMULATOR_URL", os.environ)
    if not simulator:
        raise typer.BadParameter("no platform is simulated here: PARLEY_SIMULATOR_URL is not set")
    at = f"{datetime.now(UTC).isoformat(timespec='seconds')}, commit {stack.settings(where)['commit']}"
    at += f", load average {os.getloadavg()[1]:.0f}"
    kept = [_PARTS[part](where, simulator, runs, pairs, seconds, at, write) for part in ([only] if only else _PARTS)]
    if not all(kept):
        raise typer.Exit(FAILED)


def _internal(where: str, simulator: str, runs: int, pairs: int, seconds: float, at: str, write: Path | None) -> bool:
    rounds = uvloop.run(compare(where, simulator, runs, pairs, seconds))
    _tell(OUTAGE, markdown(rounds, seconds, at), write)
    return not any(one.wrong for one in rounds) and spread([one.ratio(1) for one in rounds]).median <= GOAL


def _platforms(where: str, simulator: str, runs: int, pairs: int, seconds: float, at: str, write: Path | None) -> bool:
    rounds = uvloop.run(apart.compare(where, simulator, runs, seconds))
    _tell(APART, apart.markdown(rounds, seconds, at), write)
    return not any(one.wrong for one in rounds) and spread([one.ratio for one in rounds]).median <= GOAL


def _tell(title: str, section: str, write: Path | None) -> None:
    typer.echo(section)
    if write:
        write.write_text(with_section(write.read_text(), title, section))


_PARTS = {"internal": _internal, "platforms": _platforms}


if __name__ == "__main__":
    program(main)()
