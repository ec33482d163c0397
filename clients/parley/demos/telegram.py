"""The story of somebody who is on Telegram: texts both ways, an edit, a reaction, and two texts while it is away."""

from dataclasses import dataclass, field
from typing import TypeVar

import httpx
from msgspec import Struct

from clients.parley.client import ParleyClient
from clients.parley.demos.people import a_user
from clients.parley.demos.phones import Phone, a_phone, check_accounts
from clients.parley.demos.stage import Narrator, until
from clients.parley.frames import Arrived, DeliveryChanged, Edited, Reacted
from clients.parley.live import LiveChat
from clients.parley.objects import Delivery, MessageStatus

CHANNEL = "telegram"
HEART = "❤"
AWAY_S = 2.0
BACK_WITHIN_S = 60.0  # the platform is tried every 30 s at the latest

Change = TypeVar("Change", Edited, Reacted)


class Sent(Struct, frozen=True, kw_only=True):
    """A text that went to the phone, and what its sender can learn of it."""

    text: str
    status: str
    status_ceiling: str | None
    attempts: int | None
    after_ms: float | None


class OnTelegram(Struct, frozen=True, kw_only=True):
    """What happened; `missing` says in words what did not go as promised, and is empty when all went well.

    `seen`: what the web user's device was told of an edit and of a reaction."""

    gateway: str
    sender: str
    recipient: str
    address: str
    conversation_id: str
    sent: tuple[Sent, ...]
    arrived: tuple[str, ...]
    seen: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass
class Play:
    """A web user, a conversation, and the phone of whom it is with."""

    ana: ParleyClient
    live: LiveChat
    phone: Phone
    conversation_id: str
    recipient: str
    narrator: Narrator
    deadline_s: float
    ids: dict[str, str] = field(default_factory=dict)
    seen: tuple[str, ...] = ()

    async def send(self, text: str) -> str:
        accepted = await self.ana.send(self.conversation_id, text, channels=[CHANNEL])
        self.ids[text] = accepted.message_id
        return accepted.message_id

    async def told_of(self, message_id: str) -> DeliveryChanged:
        while True:
            event = await self.live.receive(self.deadline_s)
            if isinstance(event, DeliveryChanged) and event.message_id == message_id:
                return event

    async def heard_of(self, kind: type[Change], message_id: str) -> Change:
        """What somebody did to that message."""
        while True:
            event = await self.live.receive(self.deadline_s)
            if isinstance(event, kind) and event.message_id == message_id:
                return event

    async def heard(self) -> Arrived:
        while True:
            event = await self.live.receive(self.deadline_s)
            if isinstance(event, Arrived) and event.sender == self.recipient:
                return event


async def tell(url: str, simulator: str, narrator: Narrator, deadline_s: float, *, verify: bool = True) -> OnTelegram:
    """Play it against the gateway at `url` and the platform at `simulator`; a step that misses its time ends it."""
    async with (
        a_user("ana", url, deadline_s, verify) as (ana, sender, _),
        a_user("bo", url, deadline_s, verify) as (bo, name, _),
        httpx.AsyncClient(base_url=simulator, trust_env=False, timeout=deadline_s) as http,
    ):
        await check_accounts(ana, [CHANNEL])
        phone = await a_phone(http, CHANNEL, bo, name)
        talk = await ana.open_conversation([name])
        narrator.step(f"{sender} is on the web, {name} on Telegram alone: chat {phone.address}.")
        async with ana.live(deadline_s=deadline_s) as live:
            play = Play(ana, live, phone, talk.conversation_id, name, narrator, deadline_s)
            missing = await _play(play)
        sent = tuple([_sent(text, await ana.status(message_id)) for text, message_id in play.ids.items()])
        arrived = tuple(entry["text"] for entry in await phone.got())
        return OnTelegram(
            gateway=url,
            sender=sender,
            recipient=name,
            address=phone.address,
            conversation_id=talk.conversation_id,
            sent=sent,
            arrived=arrived,
            seen=play.seen,
            missing=tuple(missing + verdict(sent, arrived)),
        )


async def _play(play: Play) -> list[str]:
    for scene in (_there_and_back, _while_it_is_away):
        try:
            await scene(play)
        except (TimeoutError, httpx.HTTPError) as error:
            return [f"{scene.__name__.strip('_').replace('_', ' ')}: {type(error).__name__}"]
    return []


async def _there_and_back(play: Play) -> None:
    asked = await play.send("Coffee at six?")
    change = await play.told_of(asked)
    play.narrator.step(f"Sent: Coffee at six?  QUEUED → {change.status} on {change.channel}")
    number = (await play.phone.got())[-1]["message_id"]
    said = await play.phone.do("say", text="On my wya", reply_to=number)
    answer = await play.heard()
    kept = "to what it answers" if answer.reply_to == asked else "without what it answers"
    play.narrator.step(f"Replied on the phone, at the web user's socket, {kept}: {answer.text}")
    await play.phone.do("edit", message_id=said, text="On my way")

    edited = await play.heard_of(Edited, answer.message_id)
    play.narrator.step(f"Edited on the phone, and at the web user's socket: {edited.text}")
    await play.phone.do("react", message_id=number, emoji=HEART)
    reacted = await play.heard_of(Reacted, asked)
    play.narrator.step(f"Reacted on the phone, at the web user's socket: {' '.join(reacted.reactions)} Coffee at six?")
    play.seen = (edited.text, *reacted.reactions)


async def _while_it_is_away(play: Play) -> None:
    await play.phone.fault("refused", AWAY_S)
    play.narrator.step(f"Nobody answers at the platform for {AWAY_S:g} s. Two texts are sent meanwhile.")
    last = ""
    for text in ("The one by the river", "Bring the book"):
        last = await play.send(text)

    async def is_done() -> bool:
        return all(delivery.status != "QUEUED" for delivery in (await play.ana.status(last)).deliveries)

    await until(is_done, play.deadline_s + BACK_WITHIN_S)
    play.narrator.step("The platform is back, and both have left.")


def verdict(sent: tuple[Sent, ...], arrived: tuple[str, ...]) -> list[str]:
    """What did not go as promised, in words."""
    found = [f"“{one.text}” is {one.status} instead of SENT" for one in sent if one.status != "SENT"]
    if arrived != tuple(one.text for one in sent):
        found.append(f"on the phone stands {', '.join(arrived) or 'nothing'}: not each text once and in order")
    return found


def _sent(text: str, status: MessageStatus) -> Sent:
    found = next((d for d in status.deliveries if d.channel == CHANNEL), Delivery(recipient="", channel="", status="-"))
    began = min((change.at for change in status.status_history), default=None)
    ended = next((change.at for change in status.status_history if change.channel == CHANNEL), None)
    return Sent(
        text=text,
        status=found.status,
        status_ceiling=found.status_ceiling,
        attempts=found.attempts,
        after_ms=round((ended - began).total_seconds() * 1000, 1) if ended and began else None,
    )
