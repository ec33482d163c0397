"""The story of somebody who was away: what was sent meanwhile comes once and in order, through cut connections too."""

import asyncio
import time
from dataclasses import dataclass, field

from msgspec import Struct

from clients.parley.client import ParleyClient
from clients.parley.demos.people import a_user
from clients.parley.demos.stage import Narrator
from clients.parley.frames import Arrived, CaughtUp, Ready
from clients.parley.live import LiveChat

AWAY = 100
CUT_AT = 40
MEANWHILE = 20


class Offline(Struct, frozen=True, kw_only=True):
    """What happened; `missing` says in words what did not go as promised, and is empty when all went well."""

    gateway: str
    sender: str
    recipient: str
    conversation_id: str
    sent: int
    received: tuple[int, ...]
    accepted_ms: float
    delivered_ms: float
    healed_ms: float
    recovered: bool | None
    status_of_last: str
    missing: tuple[str, ...]


@dataclass
class Inbox:
    """What the recipient's application was given, in the order in which it was given."""

    live: LiveChat
    narrator: Narrator
    deadline_s: float
    numbers: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    recovered: bool | None = None
    is_caught_up: bool = False

    async def until(self, count: int, of: int) -> None:
        """So many messages, or `TimeoutError` when the next one does not come in time."""
        while len(self.numbers) < count:
            await self._take(of)

    async def caught_up(self, of: int) -> None:
        while not self.is_caught_up:
            await self._take(of)

    async def _take(self, of: int) -> None:
        event = await self.live.receive(self.deadline_s)
        match event:
            case Arrived():
                self.numbers.append(event.sequence_number)
                self.texts.append(event.text)
                self.live.ack(event.conversation_id, event.sequence_number)
                self.narrator.progress("received", len(self.numbers), of)
            case Ready():
                self.recovered = event.recovered
                self.is_caught_up = False
            case CaughtUp():
                self.is_caught_up = True


async def tell(url: str, narrator: Narrator, deadline_s: float, *, verify: bool = True) -> Offline:
    """Play it against the gateway at `url`; a step that misses `deadline_s` ends the play."""
    async with (
        a_user("ana", url, deadline_s, verify) as (ana, sender, _),
        a_user("bo", url, deadline_s, verify) as (bo, name, _),
    ):
        talk = await ana.open_conversation([name])
        narrator.step(f"{name} is away. {sender} sends {AWAY} texts.")
        began = time.monotonic()
        texts = await _send(ana, talk.conversation_id, 0, AWAY, narrator)
        accepted_ms = (time.monotonic() - began) * 1000
        narrator.step(f"All {AWAY} are accepted, which means durable. {name} connects.")
        began = time.monotonic()
        async with bo.live(deadline_s=deadline_s) as live:
            inbox = Inbox(live, narrator, deadline_s)
            delivered_ms, healed_ms, missed = 0.0, 0.0, ""
            try:
                await _come_back(inbox, narrator)
                delivered_ms = (time.monotonic() - began) * 1000
                began = time.monotonic()
                texts += await _cut_and_send(inbox, ana, talk.conversation_id, narrator)
                healed_ms = (time.monotonic() - began) * 1000
            except TimeoutError:
                missed = f"no further message within {deadline_s:g} s after {len(inbox.numbers)}"
            status = await _delivered(ana, talk.conversation_id, deadline_s)
        return Offline(
            gateway=url,
            sender=sender,
            recipient=name,
            conversation_id=talk.conversation_id,
            sent=len(texts),
            received=tuple(inbox.numbers),
            accepted_ms=round(accepted_ms, 1),
            delivered_ms=round(delivered_ms, 1),
            healed_ms=round(healed_ms, 1),
            recovered=inbox.recovered,
            status_of_last=status,
            missing=tuple(filter(None, [missed, *verdict(texts, inbox.texts, inbox.numbers, inbox.recovered, status)])),
        )


async def _come_back(inbox: Inbox, narrator: Narrator) -> None:
    """Everything that waited, with the connection cut in the middle."""
    await inbox.until(CUT_AT, AWAY)
    inbox.live.cut()
    narrator.step(f"After {CUT_AT} texts the connection is cut; the client comes back by itself.")
    await inbox.until(AWAY, AWAY)
    await inbox.caught_up(AWAY)


async def _cut_and_send(inbox: Inbox, ana: ParleyClient, conversation_id: str, narrator: Narrator) -> list[str]:
    inbox.live.cut()
    narrator.step(f"All {AWAY} are there. The connection is cut again, and {MEANWHILE} more are sent meanwhile.")
    texts = await _send(ana, conversation_id, AWAY, MEANWHILE, narrator)
    await inbox.until(AWAY + MEANWHILE, AWAY + MEANWHILE)
    return texts


def verdict(sent: list[str], received: list[str], numbers: list[int], recovered: bool | None, status: str) -> list[str]:
    """What did not go as promised, in words."""
    found: list[str] = []
    if missing := len(set(sent) - set(received)):
        found.append(f"{missing} of {len(sent)} texts did not arrive")
    if doubled := len(received) - len(set(received)):
        found.append(f"{doubled} texts arrived twice")
    if not found and (received != sent or numbers != list(range(1, len(sent) + 1))):
        found.append("the texts did not arrive in their order")
    if not found and recovered is not True:
        found.append("the connection did not resume where it was cut")
    if not found and status not in ("DELIVERED", "READ"):
        found.append(f"the last text is {status or 'without a status'} for its sender")
    return found


async def _send(client: ParleyClient, conversation_id: str, first: int, count: int, narrator: Narrator) -> list[str]:
    """One after the other: each is accepted before the next is sent."""
    texts = [f"text {first + n + 1}" for n in range(count)]
    for n, text in enumerate(texts, 1):
        await client.send(conversation_id, text)
        narrator.progress("sent", n, count)
    return texts


async def _delivered(client: ParleyClient, conversation_id: str, deadline_s: float) -> str:
    """The status of the last text for its sender, asked until it has arrived or the deadline has passed."""
    end = time.monotonic() + deadline_s
    while True:
        newest = (await client.history_back(conversation_id, limit=1)).items
        status = (newest[0].status or "") if newest else ""
        if status in ("DELIVERED", "READ") or time.monotonic() > end:
            return status
        await asyncio.sleep(0.05)
