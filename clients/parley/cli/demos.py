"""`parley demo …`: conversations that show the platform at work."""

import os

import msgspec
import typer
from rich.console import Console

from clients.parley import demo, show
from clients.parley.cli.options import Deadline, Json, Url
from clients.parley.cli.running import NOT_REACHED, run
from clients.parley.settings import gateway_url

group = typer.Typer(help="Conversations that show the platform at work.", no_args_is_help=True)


@group.command()
def basic(url: Url = None, as_json: Json = False, deadline: Deadline = 10.0) -> None:
    """Two fresh users talk over HTTP and socket; shows how each text got from ACCEPTED to READ.

    Exits with 0 when every message was read, with 1 and the reason in red when one was not, with 2 when the
    platform does not answer."""
    where = url or gateway_url(os.environ)
    narrator = show.Silent() if as_json else show.Chat(Console(highlight=False))
    story = run(where, demo.tell(where, narrator, deadline))
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(story), indent=2).decode())
    else:
        show.show_story(story, Console(highlight=False))
    if story.missing:
        raise typer.Exit(NOT_REACHED)
