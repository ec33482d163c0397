"""What people on one platform notice while another is away: from accepted here until that platform's own log has it."""

import asyncio
import os
import time
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from rich.console import Console

from bench.cli import said
from bench.document import APART
from bench.figures import Latency, latency, spread
from bench.load import quiet_collector
from bench.outside import Outside, Passage
from bench.people import gather
from clients.parley.settings import state_folder

HERE, AWAY = "telegram", "whatsapp"
PEOPLE = 20
HERE_RATE = 10.0  # one in two seconds to each, half of what Telegram takes
AWAY_RATE = 5.0  # so few that WhatsApp, which takes 45 at once and then one in six seconds, never asks to wait
WARM_UP_S = 5.0
GOAL = 1.2


class Round(NamedTuple):
    """One outage of one platform: what messages to the other took, by when they were due."""

    took: tuple[Latency, ...]
    here: int
    away: int
    wrong: tuple[str, ...]

    @property
    def ratio(self) -> float:
        """Of p95, during to before."""
        return self.took[1].p95 / self.took[0].p95


def by_phase(passages: Sequence[Passage], start: float, phase_s: float) -> tuple[Latency, ...]:
    """Before, during and after."""
    phases: list[list[float]] = [[], [], []]
    for one in passages:
        if one.due >= start:
            phases[min(int((one.due - start) / phase_s), 2)].append(one.arrived - one.accepted)
    return tuple(map(latency, phases))


async def take(here: Outside, away: Outside, phase_s: float) -> Round:
    """The same load all the time; one platform answers 503 to everything in the middle third of it."""
    await here.move_in()
    await away.move_in()
    await away.write_first()
    seconds = WARM_UP_S + 3 * phase_s
    with quiet_collector():
        start = time.time() + WARM_UP_S
        sent_here, sent_away, _ = await asyncio.gather(
            here.send(seconds, HERE_RATE),
            away.send(seconds, AWAY_RATE),
            away.suffer(WARM_UP_S + phase_s, kind="error", status=503, for_s=phase_s),
        )
    wrong = [*await here.wrong(), *await away.wrong()]
    return Round(by_phase(await here.passages(), start, phase_s), sent_here, sent_away, tuple(wrong))


async def compare(url: str, simulator: str, runs: int, phase_s: float) -> list[Round]:
    file = state_folder(os.environ) / "bench" / "users.json"
    known = await gather(url, 2 * PEOPLE, file, Console(stderr=True))
    say = partial(said.print, style="dim", markup=False)
    here = Outside(url, simulator, HERE, known[:PEOPLE])
    away = Outside(url, simulator, AWAY, known[PEOPLE:])
    rounds = []
    try:
        for number in range(1, runs + 1):
            rounds.append(await take(here, away, phase_s))
            say(f"run {number}: p95 to {HERE} {', '.join(f'{one.p95:.1f}' for one in rounds[-1].took)} ms")
    finally:
        await here.close()
        await away.close()
    return rounds


def markdown(rounds: Sequence[Round], phase_s: float, at: str) -> str:
    """The section of the page."""
    ratio = spread([one.ratio for one in rounds])
    wrong = [words for one in rounds for words in one.wrong]
    fate = f"these are wrong: {'; '.join(wrong)}." if wrong else "all arrived, once and in order."
    here, away = sum(one.here for one in rounds), sum(one.away for one in rounds)
    return "\n".join(
        [
            APART,
            f"{at}: {HERE_RATE:g} messages a second to Telegram, and {AWAY_RATE:g} a second to WhatsApp, which",
            f"answers 503 to everything for {phase_s:g} s in the middle. Measured from accepted here until Telegram's",
            "own log has it. `make bench what=outage only=platforms` repeats it.",
            "",
            "| to Telegram, p50 / p95 / p99, ms | before | during | after | p95 during / before |",
            "| --- | ---: | ---: | ---: | ---: |",
            *(_row(number, one) for number, one in enumerate(rounds, 1)),
            "",
            f"p95 during the outage is {ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f}) of before;",
            f"goal: ≤ {GOAL:g} {'✓' if ratio.median <= GOAL else '✗'}. Of {here:,} messages to Telegram and {away:,}",
            "to WhatsApp " + fate,
        ]
    )


def _row(number: int, one: Round) -> str:
    figures = [" / ".join(f"{value:,.1f}" for value in phase) for phase in one.took]
    return f"| run {number} | {' | '.join(figures)} | {one.ratio:.2f} |"
