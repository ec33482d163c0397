"""`python -m tests.ledger`: load, faults, and the proof that nothing was lost, doubled or swapped."""

import random
import tempfile
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from tests.ledger import report
from tests.ledger.ending import end, said, say
from tests.ledger.faults import ABOUT_S, plan
from tests.ledger.platform import platform
from tests.ledger.run import Outcome, Plan, prove

FEW = 6
RATE = 600.0
RESUMES = 0.95
STALL_S = 2.5  # of all senders together, while one fault lasts: for estimates

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def ledger(
    messages: Annotated[int, typer.Option(min=100, help="How many are sent at least.")] = 5_000,
    faults: Annotated[
        int | None, typer.Option(min=1, help="How many; by default 6, or as many as there is time.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Chooses the faults and the crowd; by default another each time.")
    ] = None,
    write: Annotated[Path | None, typer.Option(help="Keep the report in this file too.")] = None,
) -> None:
    """Send messages through faults on a stack of its own, and check what became of each of them.

    Prints a table. Exits with 1 when anything was lost, doubled or swapped, or a fault struck an idle platform."""
    chosen = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    seconds = max(FEW * ABOUT_S, messages / RATE)
    count = faults or round(seconds / ABOUT_S)
    made = Plan(messages, messages / (count * ABOUT_S), plan(count, random.Random(chosen)), chosen)
    about = (seconds + count * STALL_S) / 60 + 1
    said.print(f"seed {chosen}: {messages:,} messages, {made.rate:.0f}/s, {count} faults: about {about:.0f} min")
    state = Path(tempfile.mkdtemp(prefix="parley-ledger-"))
    outcome = uvloop.run(_prove(made, state))
    end(report.render(outcome), report.PREFACE, write, state, is_good=is_good(outcome))


async def _prove(made: Plan, state: Path) -> Outcome:
    say("starting a stack of its own")
    async with platform(state) as target:
        return await prove(made, target, say)


def is_good(outcome: Outcome) -> bool:
    recovered, asked = report.resumes(outcome.history)
    return outcome.is_clean and not report.idle_faults(outcome.history) and recovered >= RESUMES * asked


if __name__ == "__main__":
    app(prog_name="ledger")
