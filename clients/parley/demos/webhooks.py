"""The story of a program that is told what happens: a receiver that fails now and then, and gets everything."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec import Struct

from clients.parley.client import ParleyClient
from clients.parley.demos.people import a_user
from clients.parley.demos.stage import Narrator
from clients.parley.frames import Arrived
from clients.parley.webhooks import Hook, Listener, Told, WrongSignatureError, listen

TEXTS = ("Lunch?", "At one.", "The place by the river.")
KINDS = ("message.sent", "message.read")
RETRY_S = 6.0  # the first wait of the published schedule, and its jitter
BUSY = 503


class Event(Struct, frozen=True, kw_only=True):
    """One event at the receiver: how long after it happened, and how often it was sent."""

    text: str
    type: str
    after_ms: float
    attempts: int


class Webhooked(Struct, frozen=True, kw_only=True):
    """What happened; `missing` says in words what did not go as promised, and is empty when all went well."""

    gateway: str
    sender: str
    recipient: str
    webhook_id: str
    events: tuple[Event, ...]
    refused_once: int
    missing: tuple[str, ...]


@dataclass
class Receiver:
    """Keeps what it took; answers `BUSY` to each event when it first comes, while `is_busy`."""

    is_busy: bool = False
    attempts: Counter[str] = field(default_factory=Counter)
    taken: dict[str, tuple[Told, float]] = field(default_factory=dict)

    def answer(self, told: Told) -> int:
        self.attempts[told.id] += 1
        if self.is_busy and self.attempts[told.id] == 1:
            return BUSY
        self.taken.setdefault(told.id, (told, time.time()))
        return 200


@dataclass
class Play:
    """A sender who has a webhook, and somebody who reads what they write."""

    ana: ParleyClient
    bo: ParleyClient
    hook: Hook
    conversation_id: str
    listener: Listener
    receiver: Receiver
    narrator: Narrator
    deadline_s: float
    texts: dict[str, str] = field(default_factory=dict)

    async def send(self, text: str) -> str:
        accepted = await self.ana.send(self.conversation_id, text)
        self.texts[accepted.message_id] = text
        return accepted.message_id

    def has(self, kind: str, message_id: str) -> bool:
        taken = (told for told, _ in self.receiver.taken.values())
        return any(told.type == kind and told.data.get("message_id") == message_id for told in taken)


async def tell(url: str, narrator: Narrator, deadline_s: float, *, verify: bool = True) -> Webhooked:
    """Play it against the gateway at `url`, which calls back to this machine; a step that misses its time ends it."""
    async with (
        a_user("ana", url, deadline_s, verify) as (ana, sender, _),
        a_user("bo", url, deadline_s, verify) as (bo, name, _),
        listen() as listener,
    ):
        receiver = Receiver()
        listener.answer = receiver.answer
        hook = await ana.webhooks.create(listener.url, events=KINDS, description="parley demo webhooks")
        listener.secret = hook.secret or ""
        narrator.step(f"{sender} has a webhook: {', '.join(KINDS)} go to {listener.url}, signed.")
        talk = await ana.open_conversation([name])
        play = Play(ana, bo, hook, talk.conversation_id, listener, receiver, narrator, deadline_s)
        try:
            missing = await _play(play)
        finally:
            await ana.webhooks.delete(hook.webhook_id)
        events = tuple(_events(play))
        return Webhooked(
            gateway=url,
            sender=sender,
            recipient=name,
            webhook_id=hook.webhook_id,
            events=events,
            refused_once=sum(count > 1 for count in receiver.attempts.values()),
            missing=tuple(missing + verdict(play.texts, events, listener)),
        )


async def _play(play: Play) -> list[str]:
    for scene in (_there_at_once, _busy_for_a_while, _with_another_secret):
        try:
            await scene(play)
        except TimeoutError:
            return [f"{scene.__name__.strip('_').replace('_', ' ')}: not in time"]
    return []


async def _there_at_once(play: Play) -> None:
    sent = await play.send(TEXTS[0])
    await _until(lambda: play.has("message.sent", sent), play.deadline_s)
    await _read(play, sent)
    await _until(lambda: play.has("message.read", sent), play.deadline_s)
    play.narrator.step(f"“{TEXTS[0]}” is sent, read, and told: every signature is verified.")


async def _busy_for_a_while(play: Play) -> None:
    play.receiver.is_busy = True
    play.narrator.step(f"The receiver answers {BUSY} to whatever comes first.")
    sent = await play.send(TEXTS[1])
    await _until(lambda: play.has("message.sent", sent), play.deadline_s + RETRY_S)
    play.receiver.is_busy = False
    play.narrator.step(f"“{TEXTS[1]}” came again after 5 s, with the same webhook-id.")


async def _with_another_secret(play: Play) -> None:
    rotated = await play.ana.webhooks.rotate(play.hook.webhook_id)
    play.listener.secret = rotated.secret or ""
    sent = await play.send(TEXTS[2])
    await _until(lambda: play.has("message.sent", sent), play.deadline_s)
    play.narrator.step("The secret is another now; for a day the old one signs as well.")


async def _read(play: Play, message_id: str) -> None:
    async with play.bo.live(deadline_s=play.deadline_s) as live:
        while True:
            event = await live.receive(play.deadline_s)
            if isinstance(event, Arrived) and event.message_id == message_id:
                live.read(event.conversation_id, event.sequence_number)
                return


def _events(play: Play) -> list[Event]:
    return [
        Event(
            text=play.texts.get(str(told.data.get("message_id")), "?"),
            type=told.type,
            after_ms=round((at - told.happened_s) * 1000, 1),
            attempts=play.receiver.attempts[told.id],
        )
        for told, at in play.receiver.taken.values()
    ]


def verdict(texts: dict[str, str], events: tuple[Event, ...], listener: Listener) -> list[str]:
    """What did not go as promised, in words."""
    told = {(event.text, event.type) for event in events}
    found = [f"message.sent of “{text}” was not told" for text in texts.values() if (text, "message.sent") not in told]
    while not listener.events.empty():
        if isinstance(one := listener.events.get_nowait(), WrongSignatureError):
            found.append(f"a request was refused: {one}")
    return found


async def _until(condition: Callable[[], bool], deadline_s: float) -> None:
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError
        await asyncio.sleep(0.01)
