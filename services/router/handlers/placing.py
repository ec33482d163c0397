"""Where an inbound message belongs: where it answers, else where its address was written to last, else the inbox."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from connectors.sdk import Arrived
from libs.common.conversations import Members, open_private
from libs.common.identities import Who
from libs.common.routing import Address
from services.router.handlers.knowing import Knowing
from services.router.inbound import Arrival, External, MessageIds, Place, Sent, Told, place_in

if TYPE_CHECKING:
    from services.router.arrivals import Arrivals


class Placed(NamedTuple):
    """`message_id` is its own; `reply_to` is a message of ours, in the same conversation."""

    message_id: str
    place: Place
    reply_to: str | None


@dataclass(frozen=True)
class Placing:
    """`inbox` takes what answers nothing, from those to whom nobody has written; "" where nobody does.

    What was decided for a message is kept before it is published, and holds when its update comes again.
    """

    ids: MessageIds
    arrivals: "Arrivals"
    members: Members
    knowing: Knowing
    inbox: str
    is_user: Callable[[str], Awaitable[bool]]

    async def place(self, told: Sequence[tuple[Told, Arrived]]) -> list[Placed | None]:
        """Of each, in the order given; None where nobody is there to take it. Raises `Unavailable`."""
        batch = _Batch(self.ids, self.arrivals, [_answered(t, what) for t, what in told])
        own = [self.own_id(t, what) for t, what in told]
        await batch.look_up(own)
        fresh = []
        whos = await self.knowing.who(told)
        for (t, what), own_id, who in zip(told, own, whos, strict=True):
            if own_id in batch.known or not (place := await self._choose(batch, t, what, who)):
                continue
            batch.known[own_id] = place
            fresh.append(_arrival(own_id, t, what, place))
        batch.known |= await self.arrivals.keep(fresh)
        return [batch.placed(own_id, _answered(t, what)) for (t, what), own_id in zip(told, own, strict=True)]

    def own_id(self, told: Told, what: Arrived) -> str:
        return self.ids.of(told.event.channel, told.event.account, what.external_id)

    async def _choose(self, batch: "_Batch", told: Told, what: Arrived, who: Who) -> Place | None:
        for conversation_id in await batch.candidates(told.address, _answered(told, what)):
            members = await self.members.of(conversation_id)
            if place := place_in(conversation_id, members, who.names):
                return place
        return await self._begin(batch, told.address, who.begins)

    async def _begin(self, batch: "_Batch", at: Address, who: str) -> Place | None:
        """With the whole of a group there: to answer one of it is to answer all."""
        if not self.inbox or who == self.inbox or not await self.is_user(self.inbox):
            return None
        conversation_id = await open_private(self.arrivals.database, who, self.inbox)
        batch.began(at, conversation_id)
        return Place(conversation_id, who)


class _Batch:
    """What is read once for many messages."""

    def __init__(self, ids: MessageIds, arrivals: "Arrivals", answered: Sequence[External | None]) -> None:
        self._arrivals = arrivals
        self._answered = {external: ids.of(*external) for external in answered if external}
        self._sent: dict[External, Sent] = {}
        self._latest: dict[Address, list[str]] = {}
        self.known: dict[str, Place] = {}

    async def look_up(self, own: Sequence[str]) -> None:
        self.known = await self._arrivals.known({*own, *self._answered.values()})
        self._sent = await self._arrivals.sent(self._answered)

    async def candidates(self, at: Address, answered: External | None) -> list[str]:
        if at not in self._latest:
            self._latest[at] = await self._arrivals.latest(at)
        target = self._target(answered)
        return [*([target.conversation_id] if target else []), *self._latest[at]]

    def began(self, at: Address, conversation_id: str) -> None:
        self._latest[at].append(conversation_id)

    def placed(self, own_id: str, answered: External | None) -> Placed | None:
        place, target = self.known.get(own_id), self._target(answered)
        if place is None:
            return None
        is_there = target is not None and target.conversation_id == place.conversation_id
        return Placed(own_id, place, target.message_id if target and is_there else None)

    def _target(self, answered: External | None) -> Sent | None:
        """What is answered, and where it is: a message of ours, or one of theirs."""
        if answered is None:
            return None
        if sent := self._sent.get(answered):
            return sent
        theirs = self._answered[answered]
        return Sent(theirs, self.known[theirs].conversation_id) if theirs in self.known else None


def _answered(told: Told, what: Arrived) -> External | None:
    return (told.event.channel, told.event.account, what.reply_to) if what.reply_to else None


def _arrival(own_id: str, told: Told, what: Arrived, place: Place) -> Arrival:
    return Arrival(own_id, told.address, what.external_id, place, told.event.at)
