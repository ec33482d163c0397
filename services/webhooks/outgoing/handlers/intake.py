"""Taking down: what the bus tells becomes rows of the log, durable before its offsets are committed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from prometheus_client import Counter

from libs.common.bus import Record, Rejected
from libs.common.conversations import Members
from libs.common.events import FileEvent, StatusEvent
from libs.common.incoming import read
from libs.common.scheduler import Scheduler
from services.webhooks.outgoing.domain import occurrences
from services.webhooks.outgoing.domain.occurrences import Occurrence
from services.webhooks.outgoing.handlers.rows import row_of, waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.webhooks.outgoing.store.deliveries import Deliveries
    from services.webhooks.outgoing.store.registry import Directory

TAKEN = Counter("parley_webhook_events", "Events taken down, one per webhook.", ["event"])


@dataclass(frozen=True)
class Ledger:
    """Events in, rows and due lanes out. Safe to run twice: a row's id is made of webhook and event."""

    directory: "Directory"
    deliveries: "Deliveries"
    lanes: Scheduler
    clock: "Callable[[], datetime]"

    async def take(self, told: Iterable[Occurrence]) -> None:
        """Returns when all rows are durable and their webhooks are due. Raises `Unavailable`."""
        at = self.clock()
        rows = [row_of(webhook, one, at) for one in told for webhook in self.directory.listening(one)]
        if rows:
            await self.deliveries.add(rows)
            await self.lanes.hurry(waiting(rows), at)
        for row in rows:
            TAKEN.labels(row["type"]).inc()


@dataclass(frozen=True)
class _Intake:
    ledger: Ledger

    async def checkpoint(self) -> None:
        """Everything is durable already."""

    def forget(self) -> None:
        """Nothing is remembered."""


@dataclass(frozen=True)
class Statuses(_Intake):
    """`status.events` → rows. Ranges are looked up in pieces, so that none is ever held whole.

    They are told after what they are about is stored: a long one whose last message is not there is about nothing.
    """

    members: Members

    async def handle(self, batch: Sequence[Record]) -> list[Rejected]:
        self.ledger.directory.require()
        if not self.ledger.directory.size:
            return []
        incoming, rejected = read(StatusEvent, batch)
        impossible = await self._impossible([one.event for one in incoming])
        possible = [one.event for place, one in enumerate(incoming) if place not in impossible]
        facts = await self._of_interest(possible)
        await self._stored([f for f in facts if occurrences.is_stored(f)])
        deliveries = [f for f in facts if f.recipient is not None]
        await self.ledger.take(one for fact in deliveries for one in occurrences.of_delivery(fact))
        await self._ranges([f for f in facts if occurrences.is_range(f)])
        return rejected + [Rejected(incoming[place].record, "impossible_range") for place in sorted(impossible)]

    async def _impossible(self, facts: Sequence[StatusEvent]) -> set[int]:
        """Their places among these."""
        wrong = {place for place, fact in enumerate(facts) if not occurrences.is_possible(fact)}
        ends = {p: (f.conversation_id, f.to_number) for p, f in enumerate(facts) if occurrences.is_long(f)}
        asked = {end for place, end in ends.items() if place not in wrong}
        known = await self.ledger.deliveries.messages_at([(c, n, n) for c, n in asked]) if asked else {}
        return wrong | {place for place, end in ends.items() if end not in known}

    async def _of_interest(self, facts: Sequence[StatusEvent]) -> list[StatusEvent]:
        """Of conversations of which a member has a webhook: members never change, so that these are remembered."""
        if self.ledger.directory.hears_everything:
            return list(facts)
        members = await self.members.of_all(f.conversation_id for f in facts)
        return [f for f in facts if self.ledger.directory.has_any_of(members.get(f.conversation_id, ()))]

    async def _stored(self, facts: Sequence[StatusEvent]) -> None:
        if not facts:
            return
        messages = await self.ledger.deliveries.messages([str(f.message_id) for f in facts])
        known = [(fact, messages[str(fact.message_id)]) for fact in facts if fact.message_id in messages]
        await self.ledger.take(one for fact, message in known for one in occurrences.of_stored(fact, message))

    async def _ranges(self, facts: Sequence[StatusEvent]) -> None:
        for spans in occurrences.spans_of(facts):
            places = [(span.fact.conversation_id, span.first, span.last) for span in spans]
            messages = await self.ledger.deliveries.messages_at(places)
            await self.ledger.take(one for span in spans for one in occurrences.of_span(span, messages))


@dataclass(frozen=True)
class Files(_Intake):
    """`file.events` → rows."""

    async def handle(self, batch: Sequence[Record]) -> list[Rejected]:
        self.ledger.directory.require()
        if not self.ledger.directory.size:
            return []
        incoming, rejected = read(FileEvent, batch)
        await self.ledger.take(told for one in incoming for told in occurrences.of_file(one.event))
        return rejected
