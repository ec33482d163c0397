"""The story of one who is on several platforms: one message to both, its status on each, and an answer from a phone."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import httpx
from msgspec import Struct

from clients.parley.client import ParleyClient
from clients.parley.demos.people import a_user
from clients.parley.demos.phones import Phone, a_phone, check_accounts
from clients.parley.demos.stage import Narrator, until
from clients.parley.errors import ParleyError
from clients.parley.frames import Arrived, DeliveryChanged
from clients.parley.live import LiveChat
from clients.parley.objects import Conversation

CHANNELS = ("whatsapp", "instagram")
QUESTION = "Dinner at eight?"
ANSWER = "I'll bring the wine!"
READ = "READ"


class Reached(Struct, frozen=True, kw_only=True):
    """A status of the message on one channel; `after_ms`: from sending it until its sender's socket was told."""

    channel: str
    status: str
    after_ms: float


class CrossPlatform(Struct, frozen=True, kw_only=True):
    """What happened; `missing` says in words what did not go as promised, and is empty when all went well.

    `addresses`: channel → where the recipient is; `arrived`: channel → what came to the phone there."""

    gateway: str
    sender: str
    recipient: str
    conversation_id: str
    message_id: str
    addresses: dict[str, str]
    closed_before: tuple[str, ...]
    reached: tuple[Reached, ...]
    arrived: dict[str, tuple[str, ...]]
    answer: str | None
    missing: tuple[str, ...]


@dataclass
class Play:
    """A web user, and the phones of whom she writes to; what her socket has heard so far."""

    ana: ParleyClient
    live: LiveChat
    phones: tuple[Phone, ...]
    conversation_id: str
    recipient: str
    narrator: Narrator
    deadline_s: float
    message_id: str = ""
    sent_at: float = 0.0
    closed_before: tuple[str, ...] = ()
    reached: list[Reached] = field(default_factory=list)
    answer: Arrived | None = None

    async def hear_until(self, condition: Callable[[], bool]) -> None:
        """Tells each status at once; raises `TimeoutError`."""
        async with asyncio.timeout(self.deadline_s):
            while not condition():
                self._note(await self.live.receive(self.deadline_s))

    def _note(self, event: object) -> None:
        if isinstance(event, DeliveryChanged) and event.message_id == self.message_id:
            self._note_status(event)
        elif isinstance(event, Arrived) and event.sender == self.recipient:
            self.answer = event

    def _note_status(self, event: DeliveryChanged) -> None:
        if self.has(event.channel, event.status):
            return  # what may have got lost is told again
        after_ms = round((time.monotonic() - self.sent_at) * 1000, 1)
        self.reached.append(Reached(channel=event.channel, status=event.status, after_ms=after_ms))
        self.narrator.step(f"  {event.channel:<10} {event.status}")

    def has(self, channel: str, *statuses: str) -> bool:
        return any(one.channel == channel and one.status in statuses for one in self.reached)


async def tell(
    url: str, simulator: str, narrator: Narrator, deadline_s: float, *, verify: bool = True
) -> CrossPlatform:
    """Play it against the gateway at `url` and the platforms at `simulator`; a step that misses its time ends it.

    Raises `ParleyError` where there is no account on one of the platforms."""
    async with (
        a_user("ana", url, deadline_s, verify) as (ana, sender, _),
        a_user("bo", url, deadline_s, verify) as (bo, name, _),
        httpx.AsyncClient(base_url=simulator, trust_env=False, timeout=deadline_s) as http,
    ):
        await check_accounts(ana, CHANNELS)
        phones = tuple([await a_phone(http, channel, bo, name, started=False) for channel in CHANNELS])
        where = " and ".join(f"{phone.channel} ({phone.address})" for phone in phones)
        narrator.step(f"{sender} is on the web. {name} is at {where}.")
        talk = await ana.open_conversation([name])
        async with ana.live(deadline_s=deadline_s) as live:
            play = Play(ana, live, phones, talk.conversation_id, name, narrator, deadline_s)
            missing = await _play(play)
        arrived = {phone.channel: tuple([entry["text"] for entry in await phone.got()]) for phone in phones}
        return CrossPlatform(
            gateway=url,
            sender=sender,
            recipient=name,
            conversation_id=talk.conversation_id,
            message_id=play.message_id,
            addresses={phone.channel: phone.address for phone in phones},
            closed_before=play.closed_before,
            reached=tuple(play.reached),
            arrived=arrived,
            answer=play.answer.text if play.answer else None,
            missing=tuple(missing + verdict(arrived, play.reached)),
        )


async def _play(play: Play) -> list[str]:
    for scene in (_first_words, _one_message, _read_on_both, _answered):
        try:
            await scene(play)
        except (TimeoutError, httpx.HTTPError, ParleyError) as error:
            return [f"{scene.__name__.strip('_').replace('_', ' ')}: {error or type(error).__name__}"]
    return []


async def _first_words(play: Play) -> None:
    """Whoever has not written there may not be written to."""
    play.closed_before = _closed(await play.ana.conversation(play.conversation_id))
    if play.closed_before:
        play.narrator.step(f"Nobody may write first on {' and '.join(play.closed_before)}: {play.recipient} does.")
    for phone in play.phones:
        await phone.do("say", text="Hello!")

    async def are_open() -> bool:
        return not _closed(await play.ana.conversation(play.conversation_id))

    await until(are_open, play.deadline_s)


def _closed(talk: Conversation) -> tuple[str, ...]:
    return tuple(window.channel for window in talk.windows or () if window.channel in CHANNELS and not window.open)


async def _one_message(play: Play) -> None:
    play.narrator.step(f"One message, to both: {QUESTION}")
    play.sent_at = time.monotonic()
    accepted = await play.ana.send(play.conversation_id, QUESTION, channels=[*CHANNELS])
    play.message_id = accepted.message_id
    await play.hear_until(lambda: all(play.has(c, "SENT", "FAILED", "DELIVERED", READ) for c in CHANNELS))


async def _read_on_both(play: Play) -> None:
    for phone in play.phones:
        play.narrator.step(f"{play.recipient} looks at {phone.channel}.")
        await phone.do("read")
        await play.hear_until(lambda: play.has(phone.channel, READ))  # noqa: B023  called before the next phone's turn


async def _answered(play: Play) -> None:
    phone = play.phones[-1]
    await phone.do("say", text=ANSWER, reply_to="last")
    await play.hear_until(lambda: play.answer is not None)
    if play.answer is not None:
        kept = "to what it answers" if play.answer.reply_to == play.message_id else "without what it answers"
        play.narrator.step(f"Answered on {phone.channel}, at the web user's socket, {kept}: {play.answer.text}")


def verdict(arrived: Mapping[str, tuple[str, ...]], reached: Sequence[Reached]) -> list[str]:
    """What did not go as promised, in words."""
    read = {one.channel for one in reached if one.status == READ}
    found = [
        f"on {channel} stands {', '.join(texts) or 'nothing'}: not the message once"
        for channel, texts in arrived.items()
        if texts != (QUESTION,)
    ]
    return found + [f"it is not READ on {channel}" for channel in CHANNELS if channel not in read]
