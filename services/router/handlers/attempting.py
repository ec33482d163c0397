"""One attempt at a delivery, from its mark to what is recorded and told of it, in one wide line of the log too."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from prometheus_client import Counter, Histogram

from libs.common.breaker import Permit, State
from libs.common.bus import Record
from libs.common.clock import now
from libs.common.errors import Retry, Unavailable
from libs.common.events import DeliveryError, DeliveryRequest
from libs.common.mongo import Document
from libs.common.storage_reading import Stored
from services.router.handlers.beginning import Beginning, address_of
from services.router.handlers.ending import Ending
from services.router.handlers.lines import Line
from services.router.handlers.sending import Asked, Failed, Outcome, Refusal, Sent, send
from services.router.retrying import GiveUp, Wait, after_failure, counts

if TYPE_CHECKING:
    from services.router.contacts import Contacts
    from services.router.outbox import Outbox
    from services.router.people import Everybody

INTERNAL_ERROR = DeliveryError("internal", "Something went wrong here.")

ATTEMPTS = Counter("parley_channel_attempts", "Attempts at deliveries.", ["channel", "account", "outcome"])
SECONDS = Histogram("parley_channel_attempt_seconds", "How long an attempt took.", ["channel", "account"])

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True)
class Attempting:
    outbox: "Outbox"
    storage: Stored
    contacts: "Contacts"
    everybody: "Everybody"
    beginning: Beginning
    ending: Ending

    async def attempt(self, line: Line, permit: Permit, request: DeliveryRequest, record: Record) -> Wait | None:
        """None: it has come to its end, or somebody else has brought it there."""
        begun = await self.beginning.begin(line, request, record)
        if not isinstance(begun, dict):
            line.breaker.given_back(permit)
            return begun
        at = time.monotonic()
        line.tally.in_flight += 1
        try:
            outcome = await send(line, request, begun, self.outbox, self.storage)
        except Unavailable as reason:
            line.breaker.given_back(permit)
            nothing = DeliveryError("waiting", str(reason))
            await _surely(lambda: self.outbox.end_attempt(begun["_id"], nothing, counted=False, uncertain=True))
            return Wait(reason.after_s)
        except Exception:
            log.exception("the connector of %s fails", line.channel)
            line.breaker.given_back(permit)
            outcome, counted = Failed(INTERNAL_ERROR, uncertain=True), True
        else:
            counted = _judged(line, permit, outcome, begun["_id"])
        finally:
            line.tally.in_flight -= 1
        following = await _surely(lambda: self._record(outcome, counted, begun, record))
        waits_s = outcome.seconds if isinstance(outcome, Asked) else 0.0
        error = getattr(outcome, "error", None)
        line.tally.note(now(), type(outcome).__name__.lower(), request.address, error, waits_s)
        _note(line, permit, begun, outcome, following, time.monotonic() - at)
        return following

    async def _record(self, outcome: Outcome, counted: bool, delivery: Document, record: Record) -> Wait | None:
        key = delivery["_id"]
        match outcome:
            case Sent(adapted, moved_to):
                await self._note_reached(delivery, moved_to)
                told = {"adapted": list(adapted)} if adapted else {}
                await self.outbox.end(key, "SENT", None, **told, **({"address": moved_to} if moved_to else {}))
                return None
            case Asked(seconds):
                await self.outbox.end_attempt(key, None, counted=False, uncertain=False)
                return Wait(seconds)
            case Refusal(error):
                if error.code == "window_closed" and (opened_at := delivery.get("window_opened_at")):
                    await self.contacts.note_closed(address_of(delivery), opened_at)
                await self.ending.fail(key, GiveUp(error, is_dead=False), record)
                return None
            case Failed(error, uncertain):
                so_far = await self.outbox.end_attempt(
                    key, error, counted=counted, uncertain=uncertain, unknown=uncertain
                )
                following = after_failure(max(1, so_far.counted), random.random(), error, so_far.unknown)
                if isinstance(following, GiveUp):
                    await self.ending.fail(key, following, record)
                    return None
                return following

    async def _note_reached(self, delivery: Document, moved_to: str | None) -> None:
        """What comes from where they have moved is theirs, too, and what is written to them as a contact goes there."""
        channel, account, address = address_of(delivery)
        if moved_to and moved_to != address:
            await self.contacts.note_moved((channel, account, address), moved_to)
            await self.everybody.note_moved(channel, address, moved_to, now())
        await self.contacts.note_reached((channel, account, moved_to or address), now())


async def _surely(record: Callable[[], Awaitable[T]]) -> T:
    """What the platform has done is recorded, however long that takes."""
    while True:
        try:
            return await record()
        except Retry as reason:
            await asyncio.sleep(reason.after_s)


def _judged(line: Line, permit: Permit, outcome: Outcome, delivery: str) -> bool:
    """Tells the breaker; whether the attempt counts."""
    if not isinstance(outcome, Failed):
        line.answered(permit)
        return True
    line.failed(permit, delivery if outcome.taken else None)
    return counts(is_closed=line.breaker.state is State.CLOSED, fails_alone=line.breaker.fails_alone(delivery))


def _note(
    line: Line, permit: Permit, delivery: Document, outcome: Outcome, following: Wait | None, seconds: float
) -> None:
    """One wide line for each attempt."""
    word = type(outcome).__name__.lower()
    ATTEMPTS.labels(line.channel, line.account, word).inc()
    SECONDS.labels(line.channel, line.account).observe(seconds)
    error = getattr(outcome, "error", None)
    log.info(
        "attempt",
        extra={
            "channel": line.channel,
            "account": line.account,
            "delivery_id": delivery["_id"],
            "conversation_id": delivery["conversation_id"],
            "sequence_number": delivery["sequence_number"],
            "attempts_before": delivery["attempts"],
            "outcome": word,
            "code": error.code if error else None,
            "detail": error.detail if error else None,
            "adapted": list(outcome.adapted) if isinstance(outcome, Sent) else [],
            "uncertain": bool(delivery.get("uncertain")) or getattr(outcome, "uncertain", False),
            "trial": permit.kind == "trial",
            "waits_s": following.seconds if following else None,
            "took_ms": round(seconds * 1000),
        },
    )
