"""`parley sim …`: what people on a simulated platform do, what they got, and what goes wrong there."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from clients.parley.cli import output
from clients.parley.cli.output import cell, clean
from clients.parley.cli.running import NOT_REACHED, failure
from clients.parley.cli.sim_commands import Bot, Who, command, deed, do, group, show_done
from clients.parley.cli.simulator import DEFAULT_CHANNEL, Fields, There

__all__ = ["group"]

TAKE_BACK = "none"

Words = Annotated[list[str], typer.Argument(metavar="TEXT", help="The words; - reads standard input.")]
To = Annotated[str | None, typer.Option("--to", metavar="MESSAGE", help="Its id. Default: the last of the account.")]
Theirs = Annotated[str | None, typer.Option("--message", metavar="MESSAGE", help="Its id. Default: their last.")]
Chat = Annotated[str | None, typer.Option("--chat", metavar="ID", help="A group, on Telegram. Default: alone.")]


@command()
def people(
    there: There,
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Who is to be there.")] = None,
    new: Annotated[bool, typer.Option("--new", help="They have not opened the bot: it cannot write to them.")] = False,
) -> None:
    """Show who is there, after adding those who are named.

    The id is the address to map a user to. Example: parley sim people ana bo"""
    known = {person["first_name"] for person in there.ask("GET", "people")["items"]}
    for name in names or []:
        if name not in known:
            there.ask("POST", "people", {"first_name": name, "started": not new})
    found = there.ask("GET", "people")
    if there.as_json:
        output.document(found)
        return
    shown = output.table("id", "name", "started", "blocked")
    for person in found["items"]:
        started, blocked = (", ".join(map(str, person[what])) for what in ("started", "blocked"))
        shown.add_row(cell(str(person["id"])), cell(person["first_name"]), cell(started), cell(blocked, "red"))
    output.console().print(shown)


@command()
def say(
    there: There,
    who: Who,
    text: Words,
    file: Annotated[Path | None, typer.Option("--file", help="Send it, with the words as caption.")] = None,
    chat: Chat = None,
    bot: Bot = None,
) -> None:
    """Write to the bot, or into a group. Example: parley sim say ana "Hello there" """
    words = _words(text)
    if file is None:
        do(there, who, "say", {"text": words, "chat": chat, "bot": bot})
        return
    query = {"filename": file.name, "caption": words or None, "chat": chat, "bot": bot}
    show_done(there.send(f"people/{quote(who, safe='')}/file", query, file), there.as_json)


@deed("say")
def reply(text: Words, to: To = None, chat: Chat = None) -> Fields:
    """Reply to a message. Example: parley sim reply ana Yes"""
    return {"text": _words(text), "reply_to": to or "last", "chat": chat}


@deed()
def react(
    emoji: Annotated[str, typer.Argument(metavar="EMOJI", help=f"One that Telegram has; {TAKE_BACK} takes it back.")],
    to: To = None,
    chat: Chat = None,
) -> Fields:
    """React to a message. Example: parley sim react ana 👍"""
    return {"emoji": None if emoji == TAKE_BACK else emoji, "message_id": to, "chat": chat}


@deed()
def press(
    button: Annotated[str | None, typer.Argument(metavar="BUTTON", help="Its text. Default: the first.")] = None,
    to: To = None,
    chat: Chat = None,
) -> Fields:
    """Press a button under a message. Example: parley sim press ana Yes"""
    return {"button": button, "message_id": to, "chat": chat}


@deed()
def edit(text: Words, message: Theirs = None) -> Fields:
    """Change what they wrote. Example: parley sim edit ana "Hello again" """
    return {"text": _words(text), "message_id": message}


@deed()
def unsend(message: Theirs = None) -> Fields:
    """Take a message back, where the platform tells of it. Example: parley sim unsend ana --channel instagram"""
    return {"message_id": message}


@deed()
def read() -> Fields:
    """Read all that came, where the platform tells of it. Example: parley sim read ana --channel messenger"""
    return {}


@deed(default_channel="whatsapp")
def wait(
    hours: Annotated[float, typer.Option("--hours", min=0, help="So long ago they wrote last.")] = 24,
) -> Fields:
    """Let their last message be old: after 24 hours windows are closed, where the platform has them."""
    return {"hours": hours}


@deed()
def block() -> Fields:
    """Shut the bot out: it can no longer write to them."""
    return {}


@deed()
def unblock() -> Fields:
    """Let the bot in again."""
    return {}


@command()
def log(
    there: There,
    after: Annotated[int, typer.Option("--after", min=0, metavar="N", help="Only what came after entry N.")] = 0,
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, max=1_000, help="At most so many.")] = 200,
    chat: Annotated[str | None, typer.Option("--chat", metavar="ID", help="Only one chat.")] = None,
) -> None:
    """Everything that the platform accepted, oldest first: what arrived from bots, and what people did."""
    found = there.ask("GET", "log", query={"after": after, "limit": limit, "chat": chat})
    if there.as_json:
        output.document(found)
        return
    for entry in found["items"]:
        words = clean(entry.get("text") or f"[{entry['kind']}]")
        head = f"{entry['n']:>5} {entry['what']:<8} chat {entry['chat']}  message {entry['message_id']}  "
        output.line((head, "dim"), (words, "cyan" if entry["what"] == "sent" else ""))
    if found["lost"]:
        output.line((f"{found['lost']} entries before these are forgotten", "yellow"), stderr=True)


@command()
def fault(
    there: There,
    kind: Annotated[str | None, typer.Argument(metavar="KIND", help=f"Which; {TAKE_BACK} ends all.")] = None,
    chat: Annotated[str | None, typer.Option("--chat", metavar="ID", help="Only there. Default: everywhere.")] = None,
    seconds: Annotated[float, typer.Option("--seconds", min=0, help="How late, or how long to wait.")] = 0,
    status: Annotated[int, typer.Option("--status", min=500, max=599, help="Of `error`.")] = 502,
    times: Annotated[int | None, typer.Option("--times", min=1, help="End after so many uses.")] = None,
    for_s: Annotated[float | None, typer.Option("--for", min=0, metavar="SECONDS", help="End after so long.")] = None,
    share: Annotated[float, typer.Option("--share", min=0, max=1, help="How many it hits.")] = 1,
) -> None:
    """Switch a fault on; without KIND, show which there are and which are on.

    Examples: parley sim fault flood --seconds 5 --times 3 · parley sim fault refused --seconds 30 · parley sim fault
    none"""
    if kind == TAKE_BACK:
        there.ask("DELETE", "faults")
    elif kind is not None:
        _must_exist(kind, there.ask("GET", "faults")["kinds"])
        numbers = {"seconds": seconds, "status": status, "times": times, "for_s": for_s, "share": share}
        made = there.ask("POST", "faults", {"kind": kind, "chat": _chat(chat, there.channel), **numbers})
        if kind == "refused":
            _show_refused(made, seconds, there.as_json)
            return
    found = there.ask("GET", "faults")
    if there.as_json:
        output.document(found)
    else:
        _show_faults(found, with_kinds=kind is None)


@command()
def reset(
    there: There,
    keep_bots: Annotated[bool, typer.Option("--keep-bots", help="Bots and their webhooks stay.")] = False,
) -> None:
    """Forget everything: people, messages, faults, limits."""
    done = there.ask("POST", "/_sim/reset", query={"keep_bots": keep_bots})
    if there.as_json:
        output.document(done)
    else:
        output.line(("The platform is as new.", "green"))


def _chat(chat: str | None, channel: str) -> int | str | None:
    """Telegram's are numbers."""
    return int(chat) if chat and channel == DEFAULT_CHANNEL and chat.lstrip("-").isdecimal() else chat


def _words(text: list[str]) -> str:
    return sys.stdin.read().strip() if text == ["-"] else " ".join(text)


def _show_refused(made: Any, seconds: float, as_json: bool) -> None:
    if as_json:
        output.document(made)
    else:
        output.line((f"Nobody answers there for {seconds:g} s.", "yellow"))


def _must_exist(kind: str, kinds: Iterable[str]) -> None:
    if kind not in kinds:
        raise failure(f"There is no fault {kind}: {', '.join(kinds)}, or {TAKE_BACK}.", NOT_REACHED)


def _show_faults(found: Any, *, with_kinds: bool) -> None:
    if with_kinds:
        shown = output.table("kind", "meaning")
        for name, meaning in found["kinds"].items():
            shown.add_row(cell(name), cell(meaning))
        output.console().print(shown)
    for each in found["items"]:
        what = "  ".join(f"{name} {value}" for name, value in each["fault"].items() if name != "kind")
        output.line((f"on: {clean(each['fault']['kind'])}", "yellow"), f"  {clean(what)}  used {each.get('used', 0)}")
    if not found["items"]:
        output.line(("no fault is on", "dim"))
