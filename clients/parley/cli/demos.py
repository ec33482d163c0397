"""`parley demo …`: conversations that show the platform at work."""

from collections.abc import Callable
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TransferSpeedColumn,
)

from clients.parley.cli import output
from clients.parley.cli.groups import unless_named
from clients.parley.cli.options import Deadline, Json, Url
from clients.parley.cli.running import NO_ANSWER, NOT_REACHED, failure, gateway, is_this_machine, run
from clients.parley.cli.simulator import ask, simulator_url
from clients.parley.cli.words import bytes_of, size_of, speed_of
from clients.parley.demos import basic as basic_demo
from clients.parley.demos import cross_platform, files, offline, show, telegram, webhooks
from clients.parley.files.local import MOST_BYTES

LEAST_BYTES = 2_000_000

Told = TypeVar(
    "Told",
    basic_demo.Story,
    offline.Offline,
    files.FilesStory,
    telegram.OnTelegram,
    cross_platform.CrossPlatform,
    webhooks.Webhooked,
)

group = typer.Typer(
    help="Conversations that show the platform at work; the basic one unless another is named.",
    cls=unless_named("basic"),
)


@group.command()
def basic(url: Url = None, as_json: Json = False, deadline: Deadline = 10.0) -> None:
    """Two fresh users talk over HTTP and socket; shows how each text got from ACCEPTED to READ.

    Exits with 0 when every message was read, with 1 and the reason in red when one was not, with 2 when the
    platform does not answer."""
    where = gateway(url)
    narrator = show.Silent() if as_json else show.Chat(Console(highlight=False))
    story = run(where, basic_demo.tell(where, narrator, deadline, verify=not is_this_machine(where)))
    _end(story, as_json, _show_basic)


@group.command("offline")
def away(url: Url = None, as_json: Json = False, deadline: Deadline = 15.0) -> None:
    """A hundred texts wait for somebody who is away, and come once and in order, though the connection is cut twice.

    Exits with 0 when every text came once and in order and the cut connection resumed, with 1 and the reason when
    not, with 2 when the platform does not answer."""
    where = gateway(url)
    with _Bars(visible=not as_json) as bars:
        story = run(where, offline.tell(where, bars, deadline, verify=not is_this_machine(where)))
    _end(story, as_json, _show_offline)


@group.command("files")
def large(
    size: Annotated[str, typer.Option("--size", metavar="SIZE", help="Of the file: 2MB to 2GiB.")] = "100MB",
    url: Url = None,
    as_json: Json = False,
    deadline: Deadline = 15.0,
) -> None:
    """A large file goes up, is sent, and comes down at the other's; and again with the upload killed and resumed.

    What it made is deleted. Exits with 0 when checksums were the same and only missing parts went again, with 1 and
    the reason when not, with 2 when the platform does not answer."""
    where = gateway(url)
    count = _size(size)
    with _Bars(visible=not as_json, in_bytes=True) as bars:
        story = run(where, files.tell(where, bars, deadline, size=count, verify=not is_this_machine(where)))
    _end(story, as_json, _show_files)


@group.command("telegram")
def elsewhere(url: Url = None, as_json: Json = False, deadline: Deadline = 15.0) -> None:
    """Somebody is on a simulated Telegram alone: texts there and back, an edit, a reaction, the platform away.

    Exits with 0 when every text arrived once and in order, with 1 and the reason when not, with 2 when Parley or
    the simulator does not answer."""
    where = gateway(url)
    ask(None, "GET", "bots")
    with _Bars(visible=not as_json) as bars:
        told = telegram.tell(where, simulator_url(), bars, deadline, verify=not is_this_machine(where))
        story = run(where, told)
    _end(story, as_json, _show_telegram)


@group.command("webhooks")
def told(url: Url = None, as_json: Json = False, deadline: Deadline = 15.0) -> None:
    """A program of yours is told what happens, signed, though it is busy for a while and its secret changes.

    Exits with 0 when everything was told and every signature held, with 1 and the reason when not, with 2 when the
    platform does not answer."""
    where = gateway(url)
    with _Bars(visible=not as_json) as bars:
        story = run(where, webhooks.tell(where, bars, deadline, verify=not is_this_machine(where)))
    _end(story, as_json, _show_webhooks)


@group.command("cross-platform")
def on_both(url: Url = None, as_json: Json = False, deadline: Deadline = 15.0) -> None:
    """Somebody is on simulated WhatsApp and Instagram: one message to both, its status on each, and an answer.

    Exits with 0 when it was read on both and the answer came, with 1 and the reason when not, or where Parley has no
    account there, with 2 when Parley or the simulator does not answer."""
    where = gateway(url)
    ask(None, "GET", "people", channel=cross_platform.CHANNELS[0])
    with _Bars(visible=not as_json) as bars:
        told = cross_platform.tell(where, simulator_url(), bars, deadline, verify=not is_this_machine(where))
        story = run(where, told)
    _end(story, as_json, _show_cross_platform)


def _end(story: Told, as_json: bool, show_to_people: Callable[[Told], None]) -> None:
    if as_json:
        output.document(story)
    else:
        show_to_people(story)
    if story.missing:
        raise typer.Exit(NOT_REACHED)


def _size(words: str) -> int:
    """In bytes; a small file would be up before it could be killed."""
    try:
        count = bytes_of(words)
    except ValueError as error:
        raise failure(str(error), NO_ANSWER) from None
    if not LEAST_BYTES <= count <= MOST_BYTES:
        raise failure(f"{words} is no size for it: 2MB to 2GiB", NO_ANSWER)
    return count


class _Bars:
    """Each step as a line, and below it how far it is, where there is a terminal."""

    def __init__(self, *, visible: bool, in_bytes: bool = False) -> None:
        self._visible = visible
        amount = (DownloadColumn(), TransferSpeedColumn()) if in_bytes else (MofNCompleteColumn(),)
        columns = (TextColumn("  {task.description:<18}"), BarColumn(40), *amount)
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


def _show_basic(story: basic_demo.Story) -> None:
    show.show_story(story, Console(highlight=False))


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


def _show_files(story: files.FilesStory) -> None:
    shown = output.table("what", "took", "speed")
    for step in story.steps:
        shown.add_row(step.what, f"{step.ms:,.0f} ms", speed_of(step.size, step.ms / 1000).strip(" ()"))
    for column in shown.columns[1:]:
        column.justify = "right"
    output.console().print(shown)
    if story.missing:
        for words in story.missing:
            output.line((f"✗ {words}", "bold red"))
        return
    again = story.interrupted
    told = f"; {again.parts_sent} of {again.parts} parts went after the kill" if again and again.parts > 1 else ""
    output.line((f"✓ {size_of(story.size)} up and down twice, every checksum the same{told}.", "green"))


def _show_telegram(story: telegram.OnTelegram) -> None:
    shown = output.table("text", "on telegram", "after", "attempts")
    for one in story.sent:
        ceiling = "; this channel cannot report more" if one.status == one.status_ceiling else ""
        after = "" if one.after_ms is None else f"{one.after_ms:,.0f} ms"
        shown.add_row(one.text, f"QUEUED → {one.status}{ceiling}", after, str(one.attempts or ""))
    output.console().print(shown)
    for words in story.missing:
        output.line((f"✗ {words}", "bold red"))
    if not story.missing:
        output.line((f"✓ {len(story.sent)} texts on the phone: each once, in order; the reply came back.", "green"))


def _show_webhooks(story: webhooks.Webhooked) -> None:
    shown = output.table("text", "event", "after", "attempts")
    for one in story.events:
        shown.add_row(output.cell(one.text), one.type, f"{one.after_ms:,.0f} ms", str(one.attempts))
    output.console().print(shown)
    for words in story.missing:
        output.line((f"✗ {words}", "bold red"))
    if not story.missing:
        again = f"; {story.refused_once} came again with the same id" if story.refused_once else ""
        output.line((f"✓ {len(story.events)} events told, every signature verified{again}.", "green"))


def _show_cross_platform(story: cross_platform.CrossPlatform) -> None:
    shown = output.table("channel", "address", "what became of it")
    for channel, address in story.addresses.items():
        steps = [f"{one.status} +{one.after_ms:,.0f} ms" for one in story.reached if one.channel == channel]
        shown.add_row(channel, address, " → ".join(steps))
    output.console().print(shown)
    for words in story.missing:
        output.line((f"✗ {words}", "bold red"))
    if not story.missing:
        output.line((f"✓ One message, read on {' and '.join(story.addresses)}; the answer came back.", "green"))
