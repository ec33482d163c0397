"""The basic conversation: two fresh users, texts both ways over HTTP and socket, followed until each is read."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, TypeVar

from msgspec import Struct

from clients.parley.client import ParleyClient
from clients.parley.errors import ParleyError, ProblemError
from clients.parley.frames import Arrived, Event, Receipt
from clients.parley.objects import MessageStatus, StatusChange
from clients.parley.socket import ChatSocket

STEPS = ("ACCEPTED", "SENT", "DELIVERED", "READ")
POLL_S = 0.05

By = Literal["HTTP", "socket"]
E = TypeVar("E", bound=Event)


class Line(Struct, frozen=True):
    """One line of the play: who says it (0 or 1), by which door, and by which door the other marks it read."""

    speaker: int
    by: By
    read_by: By
    text: str


PLAY = (
    Line(0, "HTTP", "socket", "Hi! This went in by POST /v1/messages."),
    Line(1, "socket", "HTTP", "Got it on my socket, and this came the same way."),
    Line(0, "socket", "HTTP", "Then each of us has used the other door as well:"),
    Line(1, "HTTP", "socket", "same conversation, one order. Grüße, 你好 👋"),
)


class Step(Struct, frozen=True):
    """One status of a message as the API reports it; `after_ms` counts from ACCEPTED."""

    status: str
    at: datetime
    after_ms: float


class Told(Struct, frozen=True, kw_only=True):
    """One message of the demo and the way it took."""

    message_id: str
    sequence_number: int | None
    sender: str
    by: By
    read_by: By
    text: str
    status: str
    timeline: tuple[Step, ...]


class Account(Struct, frozen=True):
    """A throw-away user."""

    username: str
    password: str


class Story(Struct, frozen=True, kw_only=True):
    """The whole demo; `missing` says in words what was not reached, and is empty when all went well."""

    gateway: str
    users: tuple[Account, ...]
    conversation_id: str
    messages: tuple[Told, ...]
    missing: tuple[str, ...]


class Narrator(Protocol):
    """Who is told what happens while it happens."""

    def began(self, names: tuple[str, ...], conversation_id: str) -> None: ...
    def arrived(self, line: Line, message: Arrived, took_ms: float) -> None: ...
    def receipt(self, receipt: Receipt, seen_by: str) -> None: ...


class MissedError(Exception):
    """A step that did not happen within its deadline, in words."""


@dataclass(frozen=True)
class Person:
    """A user with both doors open."""

    account: Account
    client: ParleyClient
    socket: ChatSocket

    @property
    def name(self) -> str:
        return self.account.username

    async def say(self, conversation_id: str, line: Line) -> str:
        if line.by == "HTTP":
            return (await self.client.send(conversation_id, line.text)).message_id
        return (await self.socket.send(conversation_id, line.text)).message_id

    async def mark_read(self, message: Arrived, by: By) -> None:
        if by == "HTTP":
            await self.client.mark_read(message.conversation_id, message.sequence_number)
        else:
            self.socket.read(message.conversation_id, message.sequence_number)

    async def wait_for(self, kind: type[E], fits: Callable[[E], bool], what: str, deadline_s: float) -> E:
        """The next event of that kind that fits; other events are passed over."""
        end = time.monotonic() + deadline_s
        try:
            while True:
                event = await self.socket.receive(end - time.monotonic())
                if isinstance(event, kind) and fits(event):
                    return event
        except TimeoutError:
            raise MissedError(f"{what} within {deadline_s:g} s") from None


async def tell(url: str, narrator: Narrator, deadline_s: float, *, verify: bool = True) -> Story:
    """Play the demo against the gateway at `url`; the first step that misses `deadline_s` ends the play."""
    suffix = secrets.token_hex(3)
    accounts = tuple(Account(f"{name}-{suffix}", secrets.token_urlsafe(12)) for name in ("ana", "bo"))
    async with (
        ParleyClient(url, deadline_s=deadline_s, verify=verify) as ana,
        ParleyClient(url, deadline_s=deadline_s, verify=verify) as bo,
        _enter(ana, accounts[0]) as first,
        _enter(bo, accounts[1]) as second,
    ):
        people = (first, second)
        chat = await ana.open_conversation([second.name])
        narrator.began((first.name, second.name), chat.conversation_id)
        sent, missing = await _play(people, chat.conversation_id, narrator, deadline_s)
        told = [await _follow(people[line.speaker], line, sent_id, deadline_s) for line, sent_id in sent]
    missing += [f"message {n}: {t.status or 'no status'} instead of READ" for n, t in _unread(told)]
    return Story(
        gateway=url,
        users=accounts,
        conversation_id=chat.conversation_id,
        messages=tuple(told),
        missing=tuple(missing),
    )


@asynccontextmanager
async def _enter(client: ParleyClient, account: Account) -> AsyncIterator[Person]:
    await client.register(account.username, account.password)
    await client.log_in(account.username, account.password)
    async with client.socket() as socket:
        yield Person(account, client, socket)


async def _play(
    people: tuple[Person, Person], conversation_id: str, narrator: Narrator, deadline_s: float
) -> tuple[list[tuple[Line, str]], list[str]]:
    sent: list[tuple[Line, str]] = []
    for line in PLAY:
        speaker, listener = people[line.speaker], people[1 - line.speaker]
        began = time.monotonic()
        message_id = await speaker.say(conversation_id, line)
        sent.append((line, message_id))
        try:
            message = await _hear(listener, message_id, deadline_s)
            narrator.arrived(line, message, (time.monotonic() - began) * 1000)
            await _acknowledge(speaker, listener, line, message, narrator, deadline_s)
        except MissedError as missed:
            return sent, [f"message {len(sent)}: {missed}"]
    return sent, []


async def _hear(listener: Person, message_id: str, deadline_s: float) -> Arrived:
    what = f"no frame at {listener.name}'s socket"
    return await listener.wait_for(Arrived, lambda event: event.message_id == message_id, what, deadline_s)


async def _acknowledge(
    speaker: Person, listener: Person, line: Line, message: Arrived, narrator: Narrator, deadline_s: float
) -> None:
    """The listener's device has it, then the listener has read it; the speaker waits to be told of each."""

    async def told_of(status: str) -> None:
        def fits(event: Receipt) -> bool:
            whose = event.username == listener.name and event.status == status
            return whose and event.sequence_number >= message.sequence_number

        what = f"no receipt {status} at {speaker.name}'s socket"
        narrator.receipt(await speaker.wait_for(Receipt, fits, what, deadline_s), speaker.name)

    listener.socket.ack(message.conversation_id, message.sequence_number)
    await told_of("DELIVERED")
    await listener.mark_read(message, line.read_by)
    await told_of("READ")


async def _follow(sender: Person, line: Line, message_id: str, deadline_s: float) -> Told:
    """What the API says about the message, asked until it says READ or the deadline has passed."""
    end = time.monotonic() + deadline_s
    status = await _status(sender, message_id)
    while (status is None or status.status != "READ") and time.monotonic() < end:
        await asyncio.sleep(POLL_S)
        status = await _status(sender, message_id)
    return Told(
        message_id=message_id,
        sequence_number=status.sequence_number if status else None,
        sender=sender.name,
        by=line.by,
        read_by=line.read_by,
        text=line.text,
        status=status.status if status else "",
        timeline=timeline(status.status_history) if status else (),
    )


async def _status(sender: Person, message_id: str) -> MessageStatus | None:
    try:
        return await sender.client.status(message_id)
    except ProblemError as problem:
        if problem.status in (404, 503):
            return None
        raise
    except ParleyError:
        return None


def timeline(history: tuple[StatusChange, ...]) -> tuple[Step, ...]:
    """The first time of each step, in the order of the steps, counted from ACCEPTED (or the first there is)."""
    firsts: dict[str, datetime] = {}
    for change in sorted(history, key=lambda change: change.at):
        firsts.setdefault(change.status, change.at)
    if not firsts:
        return ()
    start = firsts.get("ACCEPTED", min(firsts.values()))
    known = sorted(firsts, key=lambda status: STEPS.index(status) if status in STEPS else len(STEPS))
    return tuple(Step(s, firsts[s], round((firsts[s] - start).total_seconds() * 1000, 3)) for s in known)


def _unread(told: list[Told]) -> list[tuple[int, Told]]:
    return [(n, one) for n, one in enumerate(told, 1) if one.status != "READ"]
