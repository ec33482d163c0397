"""`python -m tests.ledger`: load, faults, and the proof that nothing was lost, doubled or swapped."""

import random
import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich.console import Console

from tests.ledger import report
from tests.ledger.faults import ABOUT_S, plan
from tests.ledger.platform import platform
from tests.ledger.run import Outcome, Plan, prove

FAILED = 1
FEW = 6
RATE = 600.0
RESUMES = 0.95

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
said = Console(stderr=True, highlight=False, soft_wrap=True)


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
    said.print(
        f"seed {chosen}: {messages:,} messages, {made.rate:.0f}/s, {count} faults: about {seconds / 60 + 1:.0f} min"
    )
    state = Path(tempfile.mkdtemp(prefix="parley-ledger-"))
    outcome = uvloop.run(_prove(made, state))
    text = report.render(outcome)
    typer.echo(text)
    if write:
        write.write_text(report.PREFACE + text)
    if not is_good(outcome):
        said.print(f"the stack's logs are in {state / 'logs'}", style="red", markup=False)
        raise typer.Exit(FAILED)
    shutil.rmtree(state)


async def _prove(made: Plan, state: Path) -> Outcome:
    say = partial(said.print, style="dim", markup=False)
    say("starting a stack of its own")
    async with platform(state) as target:
        return await prove(made, target, say)


def is_good(outcome: Outcome) -> bool:
    recovered, asked = report.resumes(outcome.history)
    return outcome.is_clean and not report.idle_faults(outcome.history) and recovered >= RESUMES * asked


if __name__ == "__main__":
    app(prog_name="ledger")
