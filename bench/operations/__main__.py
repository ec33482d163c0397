"""`python -m bench.operations`: what a message costs in operations and bytes, beside its budget."""

import os
from typing import Annotated
from urllib.parse import urlsplit

import typer
import uvloop

from bench.cli import FAILED, is_loopback, said
from bench.operations.budget import compare, complaints, highest, read_budget, table, write_budget
from bench.operations.measure import measure
from bench.program import program
from clients.parley.settings import gateway_url, settings_file

RUNS = 3


def main(
    write: Annotated[bool, typer.Option("--write", help=f"Make the highest of {RUNS} runs the budget.")] = False,
) -> None:
    """Count what the servers do for each message of a fixed load. Exits with 1 where the budget says otherwise."""
    if not is_loopback(urlsplit(gateway_url(os.environ)).hostname or ""):
        raise typer.BadParameter("the gateway is not this machine: counters are read here")
    runs = [uvloop.run(measure(settings_file(os.environ), said)) for _ in range(RUNS if write else 1)]
    if write:
        write_budget(highest(runs))
    lines = compare(runs[-1], read_budget())
    typer.echo(table(lines))
    for complaint in (found := complaints(lines)):
        said.print(complaint, style="red", markup=False)
    if found:
        raise typer.Exit(FAILED)


if __name__ == "__main__":
    program(main)()
