"""`python -m tests.ledger.channels`: both ways through unruly platforms, and the proof that each log agrees."""

import random
import tempfile
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from tests.ledger.channels import report
from tests.ledger.channels.harm import plan
from tests.ledger.channels.run import Outcome, Plan, prove
from tests.ledger.ending import end, said, say
from tests.ledger.platform import plain_platform

PER_GROUP = 100

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def ledger(
    messages: Annotated[int, typer.Option(min=50, help="How many are written or said.")] = 1_000,
    faults: Annotated[int, typer.Option(min=0, help="How often harm is done.")] = 8,
    seed: Annotated[int | None, typer.Option(help="Chooses harm and habits; by default another each time.")] = None,
    write: Annotated[Path | None, typer.Option(help="Keep the report in this file too.")] = None,
) -> None:
    """Talk with people on all platforms through faults, and hold the platforms' logs against what is stored.

    Prints tables. Exits with 1 when something was lost, doubled or swapped, or a status fell or is not its ceiling."""
    chosen = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    groups = max(2, messages // PER_GROUP)
    made = Plan(messages, groups, plan(faults, random.Random(chosen)), chosen)
    said.print(f"seed {chosen}: {messages:,} messages in {groups} groups, {faults} faults")
    state = Path(tempfile.mkdtemp(prefix="parley-ledger-"))
    outcome = uvloop.run(_prove(made, state))
    end(report.render(outcome), report.PREFACE, write, state, is_good=outcome.is_clean)


async def _prove(made: Plan, state: Path) -> Outcome:
    say("starting a stack of its own")
    async with plain_platform(state) as target:
        return await prove(made, target, say)


if __name__ == "__main__":
    app(prog_name="ledger")
