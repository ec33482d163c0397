"""A chat between a connection and a terminal: events into the room, texts out, and hints that pass."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

import uuid_utils

from clients.parley.cli.chat.room import Entry, Room
from clients.parley.cli.output import clean
from clients.parley.client import ParleyClient
from clients.parley.errors import ParleyError, ProblemError
from clients.parley.frames import (
    Arrived,
    CaughtUp,
    DeliveryChanged,
    Edited,
    ErrorReported,
    PresenceChanged,
    Reacted,
    Ready,
    Receipt,
    Typing,
    Unsent,
)
from clients.parley.live import Interrupted, LiveChat, LiveEvent
from clients.parley.objects import Presence

NOTICE_S = 5.0
TYPING_EVERY_S = 3.0
LOOK_S = 5.0
LOOKED_AT = 100


class View(Protocol):
    """The terminal: told what has changed in the room."""

    def new(self, entry: Entry) -> None: ...
    def changed(self, event: LiveEvent | Entry) -> None: ...
    def present(self) -> None: ...
    def typing(self, username: str) -> None: ...
    def notice(self, words: str, *, for_s: float | None = None) -> None: ...


@dataclass
class Talk:
    """One conversation, live."""

    client: ParleyClient
    live: LiveChat
    room: Room
    conversation_id: str
    view: View
    patience_s: float
    said: list[Entry] = field(default_factory=list)
    typed_at: float = 0.0
    was_interrupted: bool = False

    async def listen(self) -> None:
        """For as long as the connection can be had; raises what ends it."""
        async for event in self.live:
            self._on(event)
            if isinstance(event, CaughtUp):
                await self._look()

    async def say(self, text: str) -> None:
        """Send; the room shows how it goes. Through `patience_s` without a connection it stays on its way."""
        message_id = str(uuid_utils.uuid7())
        entry = self.room.begin(message_id, text)
        self.said.append(entry)
        self.view.new(entry)
        try:
            await self.live.send(self.conversation_id, text, message_id=message_id, deadline_s=self.patience_s)
        except (ParleyError, ValueError) as error:
            self.room.refused(message_id, error.detail if isinstance(error, ProblemError) else str(error))
        else:
            self.room.accepted(message_id)
        self.view.changed(entry)

    def lost(self) -> list[Entry]:
        """Texts of this talk that nobody has accepted."""
        return [entry for entry in self.said if entry.fault or self.room.is_on_its_way(entry)]

    def type(self) -> None:
        """Tell the others, not at every key."""
        now = time.monotonic()
        if now - self.typed_at > TYPING_EVERY_S:
            self.typed_at = now
            self.live.typing(self.conversation_id)

    def seen(self, number: int) -> None:
        self.live.ack(self.conversation_id, number)
        self.live.read(self.conversation_id, number)

    async def _look(self) -> None:
        """Who is there now; from here on frames tell of changes. Not knowing it stops nobody from talking."""
        asked = sorted(self.room.others)[:LOOKED_AT]
        with suppress(ParleyError, TimeoutError):
            async with asyncio.timeout(LOOK_S):
                for one in await self.client.presence(asked):
                    self._on_presence(one)

    def _on_presence(self, one: Presence | PresenceChanged) -> None:
        if one.username in self.room.others and self.room.there.get(one.username) != one.status:
            self.room.there[one.username] = one.status
            self.view.present()

    def _on(self, event: LiveEvent) -> None:
        match event:
            case Arrived(conversation_id=self.conversation_id):
                self._on_message(event)
            case Arrived(sender=sender):
                self.view.notice(f"{clean(sender)} writes in another conversation", for_s=NOTICE_S)
            case Receipt(conversation_id=self.conversation_id):
                self.room.receipt(event)
                self.view.changed(event)
            case Edited(conversation_id=self.conversation_id, message_id=message_id, text=text):
                self._on_change(message_id, text, "was edited")
            case Unsent(conversation_id=self.conversation_id, message_id=message_id):
                self._on_change(message_id, "[unsent]", "was taken back")
            case Reacted(conversation_id=self.conversation_id, reactions=reactions) if reactions:
                words = f"{event.username} reacts to message {event.sequence_number}: {' '.join(reactions)}"
                self.view.notice(clean(words), for_s=NOTICE_S)
            case _:
                self._on_hint(event)

    def _on_change(self, message_id: str, text: str, what: str) -> None:
        entry = self.room.says_now(message_id, text)
        if entry is not None:
            self.view.changed(entry)
            self.view.notice(f"message {entry.number} {what}", for_s=NOTICE_S)

    def _on_message(self, message: Arrived) -> None:
        before = len(self.room.entries)
        entry = self.room.arrived(message)
        if message.sender != self.room.me:
            self.seen(message.sequence_number)
            self.view.notice("")
        if len(self.room.entries) > before or (self.room.entries[-1] is entry and before == 0):
            self.view.new(entry)
        self.view.changed(message)

    def _on_hint(self, event: LiveEvent) -> None:
        match event:
            case Typing(conversation_id=self.conversation_id, username=username):
                self.view.typing(username)
            case PresenceChanged():
                self._on_presence(event)
            case Interrupted(cause=cause, wait_s=wait_s):
                self.was_interrupted = True
                self.view.notice(f"not connected, again in {wait_s:.1f} s ({clean(cause)})")
            case Ready() if self.was_interrupted:
                self.was_interrupted = False
                self.view.notice("connected again", for_s=NOTICE_S)
            case ErrorReported(problem=problem):
                self.view.notice(f"error: {clean(problem.detail or problem.code)}", for_s=NOTICE_S)
            case DeliveryChanged(conversation_id=self.conversation_id, error=error) if error:
                self.view.notice(f"message {event.sequence_number}: {clean(str(error))}", for_s=NOTICE_S)
