"""The use case of planning: a message that is checked like any other, and then only looked at."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

import msgspec

from connectors.capabilities import CHANNELS, INTERNAL
from libs.common.accept import Accepted, Acceptor, Body, parse_uuid
from libs.common.board import Account
from libs.common.clock import now
from libs.common.errors import Unavailable
from libs.common.events import MessageEvent
from libs.common.messages import recipients
from libs.common.routing import resolve_channels
from services.frontend.plan import Plan, PlannedDelivery, fit, in_order, plan_external, plan_internal
from services.frontend.reaching import Reached, Reaching


@dataclass(frozen=True)
class Planning:
    """`open_breakers`: the accounts whose platforms fail at the moment; while that is not known, none."""

    acceptor: Acceptor
    reaching: Reaching
    open_breakers: Callable[[], Awaitable[Collection[Account]]]

    async def plan(self, sender: str, body: Body) -> Plan:
        """Raises what sending it would, but no conflict of its id; and `Unavailable` while addresses are not known."""
        if body.message_id is not None:
            parse_uuid(body.message_id, "/message_id")
        event = await self.acceptor.prepare(sender, msgspec.structs.replace(body, message_id=None))
        if isinstance(event, Accepted):
            raise Unavailable("MongoDB", "the message was accepted meanwhile")
        to = recipients(event, await self.acceptor.membership(sender, event.conversation_id))
        found = await self.reaching.look(to, event.channels)
        planned = await self._planned(event, to, found)
        return Plan(
            conversation_id=event.conversation_id,
            to=to,
            channels=resolve_channels(event.channels, [reached.target for reached in found]),
            route=event.route or msgspec.UNSET,
            deliveries=planned,
        )

    async def _planned(
        self, event: MessageEvent, to: Collection[str], found: Collection[Reached]
    ) -> list[PlannedDelivery]:
        configured, broken, at = self.reaching.accounts(), await self._broken(), now()
        fitting = {c: fit(event.payload, c) for c in CHANNELS}
        external = [plan_external(one, fitting[one.target.channel], configured, broken, at) for one in found]
        is_internal = INTERNAL in resolve_channels(event.channels, ())
        every = [plan_internal(who, event.payload) for who in to] if is_internal else []
        every += external
        if not event.route:
            return every
        of_each = {who: {p.channel: p for p in every if p.recipient == who} for who in to}
        return [one for who in to for one in in_order(event.route, of_each[who])]

    async def _broken(self) -> Collection[Account]:
        try:
            return await self.open_breakers()
        except Unavailable:
            return ()
