"""`parley conversations`, `open`, `presence`: what one is in, starting something new, and who is there."""

from typing import Annotated
from uuid import UUID

import typer

from clients.parley.cli import output
from clients.parley.cli.options import As, Cursor, Json, Url
from clients.parley.cli.output import clean
from clients.parley.cli.running import speak
from clients.parley.cli.words import short_text_of
from clients.parley.client import ParleyClient
from clients.parley.errors import ParleyError, ProblemError
from clients.parley.objects import Conversation, Page, Presence

PAGE = 200


def conversations(
    limit: Annotated[int, typer.Option("--limit", min=1, max=200, help="How many.")] = 20,
    cursor: Cursor = None,
    as_user: As = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """What you are in, newest activity first, with what is unread."""

    async def work(client: ParleyClient, me: str) -> tuple[Page, str]:
        return await client.conversations(limit=limit, cursor=cursor), me

    page, me = speak(url, as_user, work)
    if as_json:
        output.document(page)
        return
    _show(page.items, me)
    if page.next_cursor:
        output.line((f"more: parley conversations --cursor {clean(page.next_cursor)}", "dim"), stderr=True)


def open_(
    members: Annotated[list[str], typer.Argument(metavar="USER", help="One for a private talk, more for a group.")],
    name: Annotated[str | None, typer.Option("--title", metavar="TITLE", help="The group's title.")] = None,
    group: Annotated[bool, typer.Option("--group", help="A group, also with one other.")] = False,
    as_user: As = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Start a conversation; a private one that exists is shown.

    Examples: parley open ben · parley open ben cyd --title "Trip to Porto" """

    async def work(client: ParleyClient, _: str) -> Conversation:
        if group or name or len(members) > 1:
            return await client.open_group(members, name)
        return await client.open_conversation(members)

    made = speak(url, as_user, work)
    if as_json:
        output.document(made)
    else:
        output.line((f"{made.type} conversation of {clean(', '.join(made.members))}", "green"))
        output.line(f"parley chat {made.conversation_id}")


def presence(
    usernames: Annotated[list[str] | None, typer.Argument(metavar="USER", help="Default: all you talk to.")] = None,
    as_user: As = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Who is online, among people you share a conversation with."""

    async def work(client: ParleyClient, me: str) -> tuple[Presence, ...]:
        wanted = usernames or await _partners(client, me)
        return await client.presence(wanted) if wanted else ()

    found = speak(url, as_user, work)
    if as_json:
        output.document({"items": found})
        return
    if not found:
        output.line("Nobody yet: `parley send USER …` starts a conversation.")
        return
    shown = output.table("who", "status", "last seen")
    for one in found:
        style = "green" if one.status == "online" else "dim"
        seen = f"{one.last_seen.astimezone():%Y-%m-%d %H:%M:%S}" if one.last_seen else ""
        shown.add_row(output.cell(one.username), output.cell(one.status, style), seen)
    output.console().print(shown)


async def find(client: ParleyClient, name: str) -> Conversation:
    """An existing conversation; asking for one makes none."""
    if is_id(name):
        return await client.conversation(name.lower())
    async for conversation in client.each_conversation(page=PAGE):
        if conversation.type == "private" and name in conversation.members:
            return conversation
    raise ParleyError(f"no conversation with {name} yet: `parley send {name} …` starts one")


async def find_or_open(client: ParleyClient, name: str) -> Conversation:
    """The conversation with that person, made if there is none."""
    if is_id(name):
        return await client.conversation(name.lower())
    try:
        return await client.open_conversation([name])
    except ProblemError as error:
        if error.code == "unknown_member":
            raise ParleyError(f"there is no user {name} here") from error
        raise


def is_id(name: str) -> bool:
    try:
        return bool(UUID(name))
    except ValueError:
        return False


def title(conversation: Conversation, me: str | None) -> str:
    """Its title, else the others in it."""
    others = [name for name in conversation.members if name != me]
    if conversation.title:
        return clean(conversation.title)
    shown = ", ".join(others[:4])
    return clean(f"{shown} and {len(others) - 4} more" if len(others) > 4 else shown)


async def _partners(client: ParleyClient, me: str) -> list[str]:
    page = await client.conversations(limit=50)
    return sorted({name for c in page.items for name in c.members if name != me})[:100]


def _show(items: tuple[Conversation, ...], me: str) -> None:
    if not items:
        output.line("Nothing yet: `parley send USER …` starts a conversation.")
        return
    shown = output.table("with", "unread", "last", "when", "conversation")
    for one in items:
        unread = f"{one.unread_count}{'+' if one.unread_count >= 999 else ''}" if one.unread_count else ""
        when = (one.last_message.created_at if one.last_message else one.created_at).astimezone()
        last = short_text_of(one.last_message) if one.last_message else ""
        style = "bold" if one.unread_count else ""
        row = (output.cell(title(one, me), style), output.cell(unread, "bold green"), output.cell(last, "dim"))
        shown.add_row(*row, f"{when:%m-%d %H:%M}", one.conversation_id)
    shown.columns[4].no_wrap = True
    output.console().print(shown)
