"""`parley dlq list|show|replay|drop`: records that could never be handled, the quarantine of platforms included."""

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from clients.parley.cli import output
from clients.parley.cli.groups import unless_named
from clients.parley.cli.operating.desk import At, operate
from clients.parley.cli.options import As, Cursor, Json, Url
from clients.parley.cli.output import cell, clean
from clients.parley.cli.running import NOT_REACHED, failure
from clients.parley.operators import MOST_AT_ONCE, Letter, LetterPage, Operators, Settled, WholeLetter

STYLES = {"open": "yellow", "replaying": "yellow", "replayed": "green", "dropped": "dim"}
DONE = ("replayed", "dropped", "already_replayed", "already_dropped")
MOST_SHOWN = 200

Id = Annotated[str, typer.Argument(metavar="LETTER", help="As `parley dlq` shows it: topic:partition:offset.")]
Ids = Annotated[list[str] | None, typer.Argument(metavar="LETTER…", help="Or --all.")]
All = Annotated[bool, typer.Option("--all", help="All open ones, of --topic and --reason if these are given.")]
Topic = Annotated[str | None, typer.Option("--topic", metavar="TOPIC", help="Only this one, as inbound.quarantine.")]
Reason = Annotated[str | None, typer.Option("--reason", metavar="REASON", help="Only what failed for this reason.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]

group = typer.Typer(
    help="Records that could never be handled: the list, unless another is named. For operators.",
    cls=unless_named("list"),
)


@group.command("list")
def list_(
    topic: Topic = None,
    reason: Reason = None,
    message: Annotated[str | None, typer.Option("--message", metavar="ID", help="Only what is about it.")] = None,
    state: Annotated[str, typer.Option("--state", metavar="STATE", help="open, replayed, dropped or all.")] = "open",
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, max=MOST_SHOWN, help="How many.")] = 50,
    cursor: Cursor = None,
    as_user: As = None,
    url: Url = None,
    at: At = None,
    as_json: Json = False,
) -> None:
    """Letters of all DLQs and of the quarantine, newest first."""

    async def work(operators: Operators) -> LetterPage:
        return await operators.letters(
            topic=topic, reason=reason, message_id=message, state=state, limit=limit, cursor=cursor
        )

    page = operate(url, as_user, at, work)
    if as_json:
        output.document(page)
        return
    if not page.items:
        output.line(("Nothing is open." if state == "open" else "There is nothing.", "green"))
        return
    shown = output.table("letter", "when", "reason", "times", "state", "about")
    for one in page.items:
        when = f"{one.at.astimezone():%m-%d %H:%M:%S}"
        state_cell = cell(one.state, STYLES.get(one.state, ""))
        shown.add_row(cell(one.id), when, cell(one.reason, "red"), str(one.attempts), state_cell, cell(_about(one)))
    shown.columns[0].no_wrap = True
    output.console().print(shown)
    if page.next_cursor:
        chosen = {"--topic": topic, "--reason": reason, "--message": message, "--state": state}
        same = [word for name, value in chosen.items() if value for word in (name, value)]
        again = shlex.join(["parley", "dlq", "list", *same, "--cursor", page.next_cursor])
        output.line((f"more: {clean(again)}", "dim"), stderr=True)


@group.command()
def show(letter: Id, as_user: As = None, url: Url = None, at: At = None, as_json: Json = False) -> None:
    """One letter: why it is there, what it says, and the delivery that it is about."""
    found: WholeLetter = operate(url, as_user, at, lambda operators: operators.letter(letter))
    if as_json:
        output.document(found)
        return
    output.line((found.id, "bold"), "  ", (found.reason, "red"), "  ", (found.state, STYLES.get(found.state, "")))
    facts = {
        "origin": found.origin,
        "given up": "once" if found.attempts == 1 else f"{found.attempts} times",
        "first": found.first_at,
        "last": found.last_at,
    }
    delivery = found.delivery or {}
    facts["delivery"] = " → ".join(step["status"] for step in delivery.get("history", ()))
    facts["settled by"] = found.settled_by or ""
    for name, words in {**facts, **found.about}.items():
        if words:
            output.line((f"{name:<16}", "dim"), clean(words))
    _show_body(found)


@group.command()
def replay(
    letters: Ids = None,
    every: All = False,
    topic: Topic = None,
    reason: Reason = None,
    edit: Annotated[bool, typer.Option("--edit", help="Change what it says first, in $EDITOR; one letter.")] = False,
    body: Annotated[
        Path | None, typer.Option("--body", metavar="FILE", help="JSON to send in its place, - from standard input.")
    ] = None,
    yes: Yes = False,
    as_user: As = None,
    url: Url = None,
    at: At = None,
    as_json: Json = False,
) -> None:
    """Send letters back to where they came from. Safe to repeat.

    A delivery that failed is opened again.

    Examples: parley dlq replay inbound.quarantine:0:7 --edit · parley dlq replay --all --reason unreachable"""
    if edit or body is not None:
        settled = operate(url, as_user, at, lambda operators: _replay_edited(operators, letters or [], body))
        _told([settled], as_json)
        return
    act: Act = lambda operators, ids: operators.replay(ids)  # noqa: E731  with its type
    _told(operate(url, as_user, at, _settling(act, "Replay", letters, every, topic, reason, yes)), as_json)


@group.command()
def drop(
    letters: Ids = None,
    every: All = False,
    topic: Topic = None,
    reason: Reason = None,
    note: Annotated[str, typer.Option("--note", metavar="WHY", help="It stands in the audit.")] = "",
    yes: Yes = False,
    as_user: As = None,
    url: Url = None,
    at: At = None,
    as_json: Json = False,
) -> None:
    """Settle letters without sending them again. They can still be replayed later."""
    act: Act = lambda operators, ids: operators.drop(ids, note)  # noqa: E731  with its type
    _told(operate(url, as_user, at, _settling(act, "Drop", letters, every, topic, reason, yes)), as_json)


Act = Callable[[Operators, Sequence[str]], Awaitable[tuple[Settled, ...]]]


def _settling(
    act: Act, verb: str, named: list[str] | None, every: bool, topic: str | None, reason: str | None, yes: bool
) -> Callable[[Operators], Awaitable[list[Settled]]]:
    """A hundred at a time, after a question where not each is named."""
    if bool(named) == every:
        raise failure("Name letters, or say --all: see `parley dlq list`.", NOT_REACHED)

    async def work(operators: Operators) -> list[Settled]:
        ids = named or await _open(operators, topic, reason)
        if every and ids and not yes:
            typer.confirm(f"{verb} {len(ids)} letters?", abort=True, err=True)
        done: list[Settled] = []
        for start in range(0, len(ids), MOST_AT_ONCE):
            done += await act(operators, ids[start : start + MOST_AT_ONCE])
        return done

    return work


async def _open(operators: Operators, topic: str | None, reason: str | None) -> list[str]:
    """The oldest first, as they came."""
    ids: list[str] = []
    cursor = None
    while True:
        page = await operators.letters(topic=topic, reason=reason, limit=MOST_SHOWN, cursor=cursor)
        ids += [letter.id for letter in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return ids[::-1]


async def _replay_edited(operators: Operators, letters: Sequence[str], body: Path | None) -> Settled:
    if len(letters) != 1:
        raise failure("One letter is edited at a time.", NOT_REACHED)
    said = _in_editor(await operators.letter(letters[0])) if body is None else _read(body)
    try:
        parsed = msgspec.json.decode(said)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise failure(f"This is no JSON: {error}", NOT_REACHED) from None
    return await operators.replay_edited(letters[0], parsed)


def _in_editor(letter: WholeLetter) -> bytes:
    """What a person made of it. Whatever fails ends the command."""
    said = (letter.text or "").encode()
    program = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        file.write(said)
        file.flush()
        try:
            subprocess.run([*shlex.split(program), file.name], check=True)  # noqa: S603  the editor of whoever calls
        except (OSError, subprocess.CalledProcessError) as error:
            raise failure(f"The editor {program} failed: {error}", NOT_REACHED) from None
        changed = Path(file.name).read_bytes()
    if changed.strip() == said.strip():
        raise failure("Nothing was changed, so nothing is replayed.", NOT_REACHED)
    return changed


def _read(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise failure(f"{file}: {error.strerror}", NOT_REACHED) from None


def _about(letter: Letter) -> str:
    told = letter.about
    where = "/".join(told[name] for name in ("channel", "account", "address") if told.get(name))
    return " ".join(word for word in (where, told.get("message_id") or told.get("file_id", "")) if word)


def _show_body(letter: WholeLetter) -> None:
    if letter.body is not None and letter.text is not None:
        output.line(output.clean_json(letter.text))
    elif letter.text is not None:
        output.line(("no JSON: ", "dim"), clean(letter.text))
    else:
        output.line(("neither JSON nor text; in base64: ", "dim"), letter.value_base64)


def _told(settled: Sequence[Settled], as_json: bool) -> None:
    """Ends with 1 where one of them could not be settled."""
    if as_json:
        output.document({"items": settled})
    for one in () if as_json else settled:
        style = "green" if one.outcome in DONE else "red"
        output.line((f"{one.outcome:<17}", style), clean(one.id), f"  {clean(one.detail)}" if one.detail else "")
    if not settled and not as_json:
        output.line(("Nothing is open.", "green"))
    if any(one.outcome not in DONE for one in settled):
        raise typer.Exit(NOT_REACHED)
