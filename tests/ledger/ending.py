"""How both ledgers talk to people while they run, and how they end."""

import shutil
from pathlib import Path

import typer
from rich.console import Console

FAILED = 1

said = Console(stderr=True, highlight=False, soft_wrap=True)


def say(words: str) -> None:
    """What happens meanwhile."""
    said.print(words, style="dim", markup=False)


def end(report: str, preface: str, write: Path | None, state: Path, *, is_good: bool) -> None:
    """Prints the report, and keeps it. What ran in `state` goes; where it is not good its logs stay, and it exits."""
    typer.echo(report)
    if write:
        write.write_text(preface + report)
    if not is_good:
        said.print(f"the stack's logs are in {state / 'logs'}", style="red", markup=False)
        raise typer.Exit(FAILED)
    shutil.rmtree(state)
