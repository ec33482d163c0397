"""What everybody does while a run lasts: those on the web write to all, those on platforms answer, edit and read."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass

import uuid_utils

from clients.parley import Arrived, DeliveryChanged, ParleyClient, UnreachableError
from clients.parley.live import LiveChat
from tests.ledger.channels.books import EDITING, UNSENDING, Books, Change, Heard, Person, Written
from tests.ledger.channels.phones import META, Phones

ACCEPTED_WITHIN_S = 120.0


@dataclass
class Life:
    """`pace_s`: a web user writes once in so many seconds on average, and everybody on a platform as often."""

    books: Books
    phones: Mapping[str, Phones]
    chance: random.Random
    pace_s: float

    async def write(self, group: int, live: LiveChat, count: int) -> None:
        for _ in range(count):
            await self._pause()
            await self.write_one(group, live)

    async def write_one(self, group: int, live: LiveChat) -> None:
        books = self.books
        one = Written(group, str(uuid_utils.uuid7()), f"{books.run} out {len(books.written)}")
        books.written.append(one)
        where = books.groups[group].conversation_id
        try:
            await live.send(where, one.text, message_id=one.message_id, deadline_s=ACCEPTED_WITHIN_S, channels=["all"])
        except UnreachableError:
            books.surprises.append(f"{one.text} was not accepted within {ACCEPTED_WITHIN_S:g} s")
        else:
            one.accepted = True

    async def talk(self, person: Person, count: int) -> None:
        """Says things, changes some of them, and looks at what came now and then."""
        phone = self.phones[person.channel]
        for number in range(count):
            await self._pause()
            more = {"reply_to": "last"} if self.chance.random() < 0.2 else {}
            text = f"{self.books.run} in {person.username} {number}"
            said = await phone.do(person.address, "say", text=text, **more)
            if said:
                await self._change_mind(person, said, text)
            await self._look(person)

    async def _change_mind(self, person: Person, said: str, text: str) -> None:
        phone, which = self.phones[person.channel], int(said) if person.channel == "telegram" else said
        if person.channel in EDITING and self.chance.random() < 0.2:
            for edit in range(self.chance.randint(1, 3)):
                await phone.do(person.address, "edit", message_id=which, text=f"{text}, edited {edit}")
        if person.channel in UNSENDING and self.chance.random() < 0.1:
            await phone.do(person.address, "unsend", message_id=which)

    async def _look(self, person: Person) -> None:
        """Some phones are off for a while, some people read."""
        phone, what = self.phones[person.channel], self.chance.random()
        if person.channel in META and what < 0.2:
            await phone.do(person.address, "online", online=what < 0.1)
        elif person.channel in META and what < 0.5:
            await phone.do(person.address, "read")

    async def read_all(self) -> None:
        people = [p for group in self.books.groups for p in group.people if p.channel in META]
        for person in people:
            await self.phones[person.channel].do(person.address, "online", online=True)
            await self.phones[person.channel].do(person.address, "read")

    async def _pause(self) -> None:
        await asyncio.sleep(self.chance.uniform(0.5, 1.5) * self.pace_s)


async def listen(books: Books, group: int, live: LiveChat) -> None:
    """Notes all that a web user's device hears, for ever."""
    conversation = books.groups[group].conversation_id
    async for event in live:
        if isinstance(event, Arrived) and event.conversation_id == conversation:
            books.heard.append(Heard(group, event.sequence_number, event.message_id))
            live.ack(conversation, event.sequence_number)
        elif isinstance(event, DeliveryChanged):
            books.changes.append(Change(event.message_id, event.recipient, event.channel, event.status))


async def histories(books: Books, webs: list[ParleyClient]) -> dict[tuple[str, str, str], list[str]]:
    """Of each delivery, as its message's status tells it."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for one in books.written:
        status = await webs[one.group].status(one.message_id)
        for step in status.status_history:
            if step.recipient and step.channel and step.channel != "internal":
                found.setdefault((one.message_id, step.recipient, step.channel), []).append(step.status)
    return found
