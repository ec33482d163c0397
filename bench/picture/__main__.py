"""`python -m bench.picture`: where the CPU of a message goes, from a measured and a sampled run of each load."""

import os
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from bench import stack
from bench.cli import QUICK_S, SLICE_S, SLICES, WHOLE_S, own_gateway, said
from bench.people import gather
from bench.picture.drawing import draw, foot
from bench.picture.parts import Part
from bench.picture.take import LOADS, picture
from bench.program import program
from bench.scenarios import choose
from bench.series import run_all
from bench.warm_up import warm_up
from clients.parley.settings import state_folder

DOCUMENT = Path("docs/performance.svg")


def main(
    quick: Annotated[bool, typer.Option("--quick", help="Runs of 6 s instead of 20.")] = False,
    write: Annotated[bool, typer.Option("--write", help=f"Draw into {DOCUMENT}.")] = False,
    pairs: Annotated[int, typer.Option(min=1, help="Senders, each with a partner.")] = 50,
) -> None:
    """Draw where the CPU of a message goes, and keep the stacks in the state folder under bench/stacks/.

    Services are started anew for it, twice: once to be sampled, once to be as they were."""
    where = own_gateway()
    messages = uvloop.run(_messages(where, pairs, QUICK_S if quick else WHOLE_S))
    file = DOCUMENT if write else state_folder(os.environ) / "bench" / "picture.svg"
    at = datetime.now(UTC).isoformat(timespec="seconds")
    file.write_text(draw(messages, foot(at, stack.settings(where)["commit"])))
    typer.echo(file)


async def _messages(url: str, count: int, seconds: float) -> list[Part]:
    state, say = state_folder(os.environ), partial(said.print, style="dim", markup=False)
    scenarios = choose(LOADS, seconds, 3.0)
    pairs = await gather(url, count, state / "bench" / "users.json", said)
    await warm_up(url, pairs, SLICE_S, SLICES, say)
    results, _ = await run_all(url, pairs, scenarios, 1, say)
    return await picture(url, pairs, scenarios, results, say)


if __name__ == "__main__":
    program(main)()
