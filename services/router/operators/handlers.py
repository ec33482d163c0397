"""What operators do with letters of the DLQs: look at them, replay them, drop them; each action is audited."""

import base64
import hashlib
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from connectors.sdk import Connector, Unreadable
from libs.common.accept import cursor_id
from libs.common.errors import invalid, not_found
from libs.common.events import InboundEvent, origin_of
from libs.common.kafka import Producer
from services.router.operators.domain.edits import Readable, edited
from services.router.operators.domain.letters import EPOCH, Kept, again, place_of
from services.router.operators.views import (
    AuditPage,
    Count,
    Counts,
    Done,
    LetterPage,
    Settled,
    WholeLetter,
    audit_entry_of,
    letter_of,
    whole_letter_of,
)

if TYPE_CHECKING:
    from services.router.operators.store import AuditLog, Letters, State

MILLISECOND = timedelta(milliseconds=1)

Connectors = Mapping[tuple[str, str], Connector]
"""(channel, account) → what reads its updates."""

log = logging.getLogger(__name__)


class Deed(Protocol):
    """What somebody did, and a word for what came of it."""

    @property
    def outcome(self) -> str: ...


D = TypeVar("D", bound=Deed)


@dataclass(frozen=True)
class Audit:
    entries: "AuditLog"

    async def page(self, limit: int, cursor: str | None) -> AuditPage:
        found = await self.entries.page(limit + 1, cursor_id(cursor) if cursor is not None else None)
        page = found[:limit]
        return AuditPage([audit_entry_of(d) for d in page], page[-1]["_id"] if len(found) > limit else None)

    async def acting(
        self, who: str, action: str, on: str, details: Mapping[str, Any], work: Callable[[], Awaitable[D]]
    ) -> D:
        """Durable before it takes effect; what happened is written after it, and told in one line."""
        entry = await self.entries.begin(who, action, on, details)
        outcome = "failed"
        try:
            settled = await work()
            outcome = settled.outcome
            return settled
        finally:
            log.info("operator", extra={"who": who, "action": action, "on": on, "outcome": outcome, **details})
            await self.entries.end(entry, outcome)


@dataclass(frozen=True)
class DeadLetters:
    """`topics` are those that routers read: what is replayed to another would never be handled."""

    letters: "Letters"
    audit: Audit
    producer: Producer
    readable: Readable
    topics: Collection[str]

    async def page(
        self, states: "Sequence[State]", filters: Mapping[str, str], limit: int, cursor: str | None
    ) -> LetterPage:
        before = _before(cursor) if cursor is not None else None
        found = await self.letters.page(states, filters, limit + 1, before)
        page = found[:limit]
        return LetterPage([letter_of(d) for d in page], _cursor(page[-1]) if len(found) > limit else None)

    async def counts(self) -> Counts:
        return Counts([Count(**count) for count in await self.letters.counts()])

    async def show(self, who: str, letter_id: str) -> WholeLetter:
        """Looked at is audited too: it may be what people wrote to each other."""
        letter = await self._find(letter_id)
        entry = await self.audit.entries.begin(who, "dlq.show", letter_id, {})
        delivery_id = letter["about"].get("delivery_id")
        delivery = await self.letters.delivery(delivery_id) if delivery_id else None
        await self.audit.entries.end(entry, "shown")
        log.info("operator", extra={"who": who, "action": "dlq.show", "on": letter_id, "outcome": "shown"})
        return whole_letter_of(letter, delivery)

    async def replay(self, who: str, letter_ids: Sequence[str]) -> list[Settled]:
        """In the order of Kafka, each for itself."""
        return [await self._replay(who, letter_id) for letter_id in _in_order(letter_ids)]

    async def replay_edited(self, who: str, letter_id: str, body: Any) -> Settled:
        """Raises `Problem` 404, and 422 where its topic takes no such body."""
        letter = await self._find(letter_id)
        return await self._replay(who, letter_id, edited(letter, body, self.readable))

    async def drop(self, who: str, letter_ids: Sequence[str], note: str) -> list[Settled]:
        return [await self._drop(who, letter_id, note) for letter_id in _in_order(letter_ids)]

    async def _find(self, letter_id: str) -> Kept:
        letter = await self.letters.find(letter_id)
        if letter is None:
            raise not_found("letter")
        return letter

    async def _replay(self, who: str, letter_id: str, instead: tuple[str, bytes] | None = None) -> Settled:
        letter = await self.letters.find(letter_id)
        if letter is None:
            return Settled(letter_id, "not_found")
        if origin_of(letter["topic"]) not in self.topics:
            return Settled(letter_id, "not_read", f"No router reads {origin_of(letter['topic'])}.")
        key, value = instead or (letter["key"], letter["value"])
        details = {"edited_sha256": hashlib.sha256(value).hexdigest()} if instead else {}

        async def publish() -> Settled:
            if not await self.letters.begin_replay(letter_id, who, value if instead else None):
                return await self._standing(letter_id)
            (failure,) = await self.producer.publish_each([again(letter, key, value)])
            await self.letters.end_replay(letter_id, is_published=failure is None)
            return Settled(letter_id, "unavailable", str(failure)) if failure else Settled(letter_id, "replayed")

        return await self.audit.acting(who, "dlq.replay", letter_id, details, publish)

    async def _drop(self, who: str, letter_id: str, note: str) -> Settled:
        if await self.letters.find(letter_id) is None:
            return Settled(letter_id, "not_found")

        async def drop() -> Settled:
            if await self.letters.drop(letter_id, who):
                return Settled(letter_id, "dropped")
            return await self._standing(letter_id)

        return await self.audit.acting(who, "dlq.drop", letter_id, {"note": note} if note else {}, drop)

    async def _standing(self, letter_id: str) -> Settled:
        """Why there was nothing to do."""
        letter = await self._find(letter_id)
        already: dict[str, Done] = {"replayed": "already_replayed", "dropped": "already_dropped"}
        return Settled(letter_id, already.get(letter["state"], "in_progress"))


def reading(connectors: Connectors) -> Readable:
    """By the connectors of the accounts that are configured."""

    def why_not(event: InboundEvent) -> str | None:
        connector = connectors.get((event.channel, event.account))
        if connector is None:
            return f"{event.channel}/{event.account} is not configured"
        try:
            connector.handle_webhook(event.body)
        except (Unreadable, RecursionError) as why:
            return str(why)
        return None

    return why_not


def _in_order(letter_ids: Sequence[str]) -> list[str]:
    """Each once. Raises `Problem` 422 for what is no letter's id."""
    places = {}
    for index, letter_id in enumerate(letter_ids):
        place = place_of(letter_id)
        if place is None:
            raise invalid(f"/ids/{index}", "is no letter's id: topic:partition:offset")
        places[letter_id] = place
    return sorted(places, key=lambda letter_id: places[letter_id])


def _cursor(letter: Kept) -> str:
    words = f"{(letter['at'] - EPOCH) // MILLISECOND} {letter['_id']}"
    return base64.urlsafe_b64encode(words.encode()).decode().rstrip("=")


def _before(cursor: str) -> tuple[datetime, str]:
    try:
        words = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        at, _, letter_id = words.partition(" ")
        return EPOCH + int(at) * MILLISECOND, letter_id
    except (ValueError, OverflowError):
        raise invalid("/query/cursor", "must be a next_cursor as it was given") from None
