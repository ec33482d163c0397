"""How a command runs and ends: what its exit code means, and words instead of traces."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import typer
from rich.console import Console

from clients.parley.errors import ParleyError, UnreachableError

T = TypeVar("T")

NOT_REACHED = 1
NO_ANSWER = 2
INTERRUPTED = 130


def run(url: str, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`; what the platform at `url` refuses or fails to answer ends the command in words."""
    try:
        return asyncio.run(work)
    except UnreachableError as error:
        raise failure(f"Parley does not answer at {url}: is it up? `make up`", NO_ANSWER, str(error)) from None
    except ParleyError as error:
        raise failure(f"Parley at {url}: {error}", NOT_REACHED) from None
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def failure(words: str, code: int, detail: str = "") -> typer.Exit:
    """What to raise: the words are on stderr in red by then."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(words, style="red", markup=False)
    if detail:
        console.print(detail, style="dim", markup=False)
    return typer.Exit(code)
