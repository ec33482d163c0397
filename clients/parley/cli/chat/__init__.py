"""`parley chat`: a conversation on the terminal, or line by line where there is none."""

import asyncio
import sys
from typing import Annotated

import typer

from clients.parley.cli import output
from clients.parley.cli.chat import plain
from clients.parley.cli.chat.room import Room
from clients.parley.cli.chat.talk import Talk
from clients.parley.cli.conversations import find_or_open, title
from clients.parley.cli.messages import last_messages
from clients.parley.cli.options import As, Json, To, Url
from clients.parley.cli.output import clean
from clients.parley.cli.running import NOT_REACHED, speak
from clients.parley.client import ParleyClient
from clients.parley.objects import Conversation

FIRST_S = 30.0  # for the first connection
LINE_S = 30.0  # for a line of a pipe to be accepted
TEXT_S = 3600.0  # a person sees that it is on its way, and leaves when it takes too long
LEAVE_S = 5.0  # for what is under way


def chat(
    to: To,
    last: Annotated[
        int, typer.Option("-n", "--last", min=0, max=200, help="Messages to begin with, at least the unread ones.")
    ] = 20,
    as_user: As = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Talk with somebody, live.

    Your texts carry · on their way, ✓ accepted, ✓✓ delivered, ✓✓ in colour read. Ctrl-D leaves.
    Connections that break come back. Without a terminal each line of the input is a text, and the command ends with
    the input, with 1 where a text was not accepted: printf 'hi\\n' | parley chat ben"""
    on_terminal = sys.stdin.isatty() and sys.stdout.isatty() and not as_json

    async def work(client: ParleyClient, me: str) -> bool:
        conversation = await find_or_open(client, to)
        count = min(200, max(last, conversation.unread_count))
        history = await last_messages(client, conversation.conversation_id, count, None)
        room = Room(me, frozenset(conversation.members) - {me})
        known = {conversation.conversation_id: history[-1].sequence_number if history else conversation.last_sequence}
        async with client.live(known=known, deadline_s=FIRST_S) as live:
            view = plain.Plain(room, as_json=as_json)
            patience_s = TEXT_S if on_terminal else LINE_S
            talk = Talk(client, live, room, conversation.conversation_id, view, patience_s)
            for message in history:
                entry = room.arrived(message)
                if not on_terminal:
                    view.old(entry, message)
            _greet(talk, conversation)
            await (_on_screen(talk, title(conversation, me)) if on_terminal else plain.chat(talk))
            return not talk.lost()

    if not speak(url, as_user, work):
        raise typer.Exit(NOT_REACHED)


def _greet(talk: Talk, conversation: Conversation) -> None:
    if conversation.unread_count:
        talk.seen(max((e.number or 0 for e in talk.room.entries), default=0) or conversation.last_sequence)


async def _on_screen(talk: Talk, heading: str) -> None:
    """The terminal and the connection; whichever ends first ends the other."""
    from clients.parley.cli.chat.screen import Screen

    output.line((f"{heading} ", "bold"), ("  Ctrl-D leaves", "dim"))
    says: set[asyncio.Task[None]] = set()

    def say(text: str) -> None:
        task = asyncio.create_task(talk.say(text))
        says.add(task)
        task.add_done_callback(says.discard)

    screen = Screen(talk.room, say, talk.type)
    talk.view = screen
    for entry in talk.room.entries:
        screen.new(entry)
    listening = asyncio.create_task(talk.listen())
    listening.add_done_callback(lambda _: screen.leave())
    try:
        await screen.run()
        if says:
            await asyncio.wait(says, timeout=LEAVE_S)
        if listening.done():
            listening.result()
    finally:
        for task in (listening, *says):
            task.cancel()
        await asyncio.gather(listening, *says, return_exceptions=True)
    for entry in talk.lost():
        why = clean(entry.fault) or "no answer yet, it may still arrive"
        output.line((f"{clean(entry.text)}  ✗ {why}", "red"), stderr=True)
