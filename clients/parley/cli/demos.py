"""`parley demo …`: conversations that show the platform at work."""

from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from typer.core import TyperGroup

from clients.parley.cli import output
from clients.parley.cli.options import Deadline, Json, Url
from clients.parley.cli.running import NOT_REACHED, gateway, is_this_machine, run
from clients.parley.demos import basic as basic_demo
from clients.parley.demos import offline, show


class _BasicUnlessNamed(TyperGroup):
    """`parley demo --json` is `parley demo basic --json`. The context is of a class that typer keeps to itself."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        names_none = not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names)
        return super().parse_args(ctx, ["basic", *args] if names_none else args)


group = typer.Typer(
    help="Conversations that show the platform at work; the basic one unless another is named.", cls=_BasicUnlessNamed
)


@group.command()
def basic(url: Url = None, as_json: Json = False, deadline: Deadline = 10.0) -> None:
    """Two fresh users talk over HTTP and socket; shows how each text got from ACCEPTED to READ.

    Exits with 0 when every message was read, with 1 and the reason in red when one was not, with 2 when the
    platform does not answer."""
    where = gateway(url)
    narrator = show.Silent() if as_json else show.Chat(Console(highlight=False))
    story = run(where, basic_demo.tell(where, narrator, deadline, verify=not is_this_machine(where)))
    if as_json:
        output.document(story)
    else:
        show.show_story(story, Console(highlight=False))
    if story.missing:
        raise typer.Exit(NOT_REACHED)


@group.command("offline")
def away(url: Url = None, as_json: Json = False, deadline: Deadline = 15.0) -> None:
    """A hundred texts wait for somebody who is away, and come once and in order, though the connection is cut twice.

    Exits with 0 when every text came once and in order and the cut connection resumed, with 1 and the reason when
    not, with 2 when the platform does not answer."""
    where = gateway(url)
    with _Bars(visible=not as_json) as bars:
        story = run(where, offline.tell(where, bars, deadline, verify=not is_this_machine(where)))
    if as_json:
        output.document(story)
    else:
        _show_offline(story)
    if story.missing:
        raise typer.Exit(NOT_REACHED)


class _Bars:
    """Each step as a line, and below it how far it is, where there is a terminal."""

    def __init__(self, *, visible: bool) -> None:
        self._visible = visible
        columns = (TextColumn("  {task.description:<9}"), BarColumn(40), MofNCompleteColumn())
        console = output.console()
        self._progress = Progress(*columns, console=console, disable=not visible or not console.is_terminal)
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "_Bars":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def step(self, words: str) -> None:
        if self._visible:
            self._progress.console.print(words)

    def progress(self, what: str, done: int, of: int) -> None:
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=of)
        self._progress.update(self._tasks[what], completed=done, total=of)


def _show_offline(story: offline.Offline) -> None:
    took = {
        "until all were accepted": story.accepted_ms,
        "from connecting to the last text, a cut included": story.delivered_ms,
        "from the second cut to the last text": story.healed_ms,
    }
    for what, ms in took.items():
        output.line(f"{ms:8,.0f} ms  ", (what, "dim"))
    if story.missing:
        for words in story.missing:
            output.line((f"✗ {words}", "bold red"))
        return
    output.line(
        (f"✓ {story.sent} sent, {len(story.received)} received: each once, in order; resumed after the cut.", "green")
    )
