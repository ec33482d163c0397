"""The `parley` command: what a person types, and words instead of traces when something is wrong."""

import asyncio
import os
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

import msgspec
import typer
from rich.console import Console

import clients.parley
from clients.parley import demo, show
from clients.parley.errors import ParleyError, UnreachableError
from clients.parley.settings import gateway_url

T = TypeVar("T")

NOT_REACHED = 1
NO_ANSWER = 2
INTERRUPTED = 130

app = typer.Typer(
    name="parley",
    help="Talk to a Parley platform from the command line.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
demos = typer.Typer(help="Conversations that show the platform at work.", no_args_is_help=True)
app.add_typer(demos, name="demo")

Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        help="The gateway. Default: PARLEY_GATEWAY_URL from the environment or from the file named by "
        "PARLEY_SETTINGS (.local/parley.env), else http://127.0.0.1:8080.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of the chat.")]
Deadline = Annotated[float, typer.Option("--deadline", min=0.1, metavar="SECONDS", help="How long each step may take.")]


@app.callback()
def parley() -> None:
    """Talk to a Parley platform from the command line."""


@app.command()
def version() -> None:
    """Print the version of this client."""
    typer.echo(f"parley {clients.parley.__version__}")


@demos.command()
def basic(url: Url = None, as_json: Json = False, deadline: Deadline = 10.0) -> None:
    """Two fresh users talk over HTTP and socket; shows how each text got from ACCEPTED to READ.

    Exits with 0 when every message was read, with 1 and the reason in red when one was not, with 2 when the
    platform does not answer."""
    where = url or gateway_url(os.environ)
    narrator = show.Silent() if as_json else show.Chat(Console(highlight=False))
    story = _run(where, demo.tell(where, narrator, deadline))
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(story), indent=2).decode())
    else:
        show.show_story(story, Console(highlight=False))
    if story.missing:
        raise typer.Exit(NOT_REACHED)


def _run(url: str, work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except UnreachableError as error:
        raise _failure(f"Parley does not answer at {url}: is it up? `make up`", NO_ANSWER, str(error)) from None
    except ParleyError as error:
        raise _failure(f"Parley at {url}: {error}", NOT_REACHED) from None
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def _failure(words: str, code: int, detail: str = "") -> typer.Exit:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(words, style="red", markup=False)
    if detail:
        console.print(detail, style="dim", markup=False)
    return typer.Exit(code)


def main() -> None:
    """The entry point of the `parley` command."""
    app(prog_name="parley")
