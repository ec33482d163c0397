"""What the receipts and the external deliveries of a message amount to: its whole status and how it came to it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from connectors.capabilities import CHANNELS, INTERNAL, StatusCeiling
from libs.common.clock import rfc3339
from libs.common.events import DeliveryError, DeliveryStatus, MessageStatus, ReceiptStatus, Step
from libs.common.marks import RANKS, message_status, recipient_status
from libs.common.route import Progress, State, follow, steps_of
from libs.common.shapes import Number, Time, Uuid, shown

HistoryStatus = Literal["ACCEPTED"] | DeliveryStatus
ReceiptTimes = Mapping[tuple[str, ReceiptStatus], datetime]
"""(recipient, status) → when; missing where it has not come."""


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """`external` are the deliveries that it needs beside internal ones: (recipient, channel).

    `document` is where it was read, for what is known of its route.
    """

    message_id: str
    conversation_id: str
    sequence_number: int
    to: Sequence[str]
    created_at: datetime
    stored_at: datetime
    is_internal: bool = True
    external: Sequence[tuple[str, str]] = ()
    document: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "StoredMessage":
        return cls(
            document["_id"],
            document["conversation_id"],
            document["sequence_number"],
            document["to"],
            document["created_at"],
            document["stored_at"],
            INTERNAL in document["channels"],
            _external(document),
            document,
        )

    @property
    def sent_at(self) -> datetime:
        """Clocks of several machines never let a message be stored before it was accepted."""
        return max(self.created_at, self.stored_at)


def _external(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Of a route, and before it is known who can be reached: whom it names, on the channels that it names."""
    if "targets" in document and "route" not in document:
        return [(t["recipient"], t["channel"]) for t in document["targets"]]
    return [(who, c) for who in document["to"] for c in document["channels"] if c != INTERNAL]


class HistoryEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """With a recipient: that delivery's step; without: the message's own."""

    status: HistoryStatus
    at: Time
    recipient: str | None = None
    channel: str | None = None


class Delivery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Internal deliveries are attempted once: by storing the message where the recipient's devices find it."""

    recipient: str
    channel: str
    status: DeliveryStatus
    status_ceiling: StatusCeiling
    attempts: int
    external_ids: list[str] = []
    error: DeliveryError | None = None
    adapted: Annotated[list[str], shown("What was changed so that it fits the channel, such as `text_split`.")] = []
    uncertain: Annotated[bool, shown("An attempt had no known end: the platform may show the message twice.")] = False
    updated_at: Time


class RoutePlace(msgspec.Struct, frozen=True):
    """How far the route has come for one recipient."""

    recipient: str
    state: Annotated[
        State, shown("`reached`: a step got as far as was asked, so nothing follows; `last`: there is no other step.")
    ]
    step: Annotated[int, shown("Counted from 0: the one that reached, else the last that was begun.", minimum=0)]
    channel: str
    due_at: Annotated[Time, shown("When the next step is begun, where it waits for that.")] | None


class Route(msgspec.Struct, frozen=True):
    """Steps that are not begun have no delivery yet."""

    steps: list[Step]
    recipients: list[RoutePlace]


class StatusReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`route` only where the message has one."""

    message_id: Uuid
    conversation_id: Uuid
    sequence_number: Number
    status: MessageStatus
    status_history: list[HistoryEntry]
    deliveries: list[Delivery]
    route: Route | None = None


class _Step(NamedTuple):
    at: datetime
    status: DeliveryStatus
    recipient: str
    channel: str


class _Track(NamedTuple):
    """A delivery, and what it has reached in the order of time; the first step is where each begins."""

    delivery: Delivery
    steps: list[_Step]


def report_status(
    message: StoredMessage, times: ReceiptTimes, external: Iterable[Mapping[str, Any]] = ()
) -> StatusReport:
    """Internal deliveries are derived from receipts; `external` are the stored ones."""
    stored = {(d["recipient"], d["channel"]): d for d in external}
    tracks = [_internal_track(who, message, times) for who in message.to] if message.is_internal else []
    tracks += [_external_track(message, *target, stored.get(target)) for target in message.external]
    status, steps = _walk(message, tracks)
    progress = _progress(message, tracks)
    tracks = [t for t in tracks if not progress or _is_begun(message, progress, t.delivery)]
    return StatusReport(
        message_id=message.message_id,
        conversation_id=message.conversation_id,
        sequence_number=message.sequence_number,
        status=status,
        status_history=[
            HistoryEntry("ACCEPTED", rfc3339(message.created_at)),
            HistoryEntry("SENT", rfc3339(message.sent_at)),
            *steps,
        ],
        deliveries=[delivery for delivery, _ in tracks],
        route=_route(message, progress) if progress else None,
    )


def _progress(message: StoredMessage, tracks: Iterable[_Track]) -> Mapping[str, Progress]:
    """Empty where it has no route."""
    if "route" not in message.document:
        return {}
    statuses = {(t.delivery.recipient, t.delivery.channel): t.delivery.status for t in tracks}
    return follow(message.document, lambda recipient, channel: statuses[recipient, channel])


def _is_begun(message: StoredMessage, progress: Mapping[str, Progress], delivery: Delivery) -> bool:
    begun = len(progress[delivery.recipient].begun)
    return delivery.channel in (step["channel"] for step in message.document["route"][:begun])


def _route(message: StoredMessage, progress: Mapping[str, Progress]) -> Route:
    steps = steps_of(message.document)
    places = []
    for who, (_, place) in progress.items():
        due_at = rfc3339(place.due_at) if place.due_at else None
        places.append(RoutePlace(who, place.state, place.step, steps[place.step].channel, due_at))
    return Route(steps, places)


def _internal_track(recipient: str, message: StoredMessage, times: ReceiptTimes) -> _Track:
    """Reading implies having; and nothing is had before it is sent, whatever the clocks of several machines say."""
    read = times.get((recipient, "READ"))
    delivered = min((at for at in (times.get((recipient, "DELIVERED")), read) if at), default=None)
    steps = [_Step(message.sent_at, "SENT", recipient, INTERNAL)]
    if delivered:
        steps.append(_Step(max(delivered, message.sent_at), "DELIVERED", recipient, INTERNAL))
    if read:
        steps.append(_Step(max(read, message.sent_at), "READ", recipient, INTERNAL))
    return _Track(_delivery(steps[-1], "READ", 1), steps)


def _external_track(message: StoredMessage, recipient: str, channel: str, stored: Mapping[str, Any] | None) -> _Track:
    """Queued until it stands; every message begins there, and one that is replayed comes there again."""
    steps = [_Step(message.sent_at, "QUEUED", recipient, channel)]
    if stored is None:
        return _Track(_delivery(steps[0], CHANNELS[channel].status_ceiling, 0), steps)
    steps += [
        _Step(max(h["at"], message.sent_at), h["status"], recipient, channel)
        for place, h in enumerate(stored["history"])
        if place or h["status"] != "QUEUED"
    ]
    return _Track(_delivery(steps[-1], stored["status_ceiling"], stored["attempts"], stored), steps)


def _delivery(
    last: _Step, ceiling: StatusCeiling, attempts: int, stored: Mapping[str, Any] = MappingProxyType({})
) -> Delivery:
    return Delivery(
        recipient=last.recipient,
        channel=last.channel,
        status=last.status,
        status_ceiling=ceiling,
        attempts=attempts,
        external_ids=stored.get("external_ids", []),
        error=msgspec.convert(stored.get("error"), DeliveryError | None),
        adapted=stored.get("adapted", []),
        uncertain=stored.get("uncertain", False),
        updated_at=rfc3339(last.at),
    )


def _walk(message: StoredMessage, tracks: Sequence[_Track]) -> tuple[MessageStatus, list[HistoryEntry]]:
    """Every step in the order of time, each followed by the message's own, where it changes that; and where that ends.

    With one delivery its steps *are* the message's, and are not said twice.
    """
    deliveries: dict[str, dict[str, DeliveryStatus]] = {recipient: {} for recipient in message.to}
    for _, steps in tracks:
        deliveries[steps[0].recipient][steps[0].channel] = steps[0].status
    reached = Counter(recipient_status(d.values()) for d in deliveries.values())
    last: MessageStatus = "SENT"
    entries = []
    for at, status, recipient, channel in _after_the_first(tracks):
        entries.append(HistoryEntry(status, rfc3339(at), recipient, channel))
        of_recipient = deliveries[recipient]
        reached[recipient_status(of_recipient.values())] -= 1
        of_recipient[channel] = status
        reached[recipient_status(of_recipient.values())] += 1
        now = message_status(+reached)
        if now != last and len(tracks) > 1:
            entries.append(HistoryEntry(now, rfc3339(at)))
        last = now
    return last, entries


def _after_the_first(tracks: Iterable[_Track]) -> list[_Step]:
    """The first step of each is where it begins; of one moment the lower status comes first."""
    return sorted((step for _, steps in tracks for step in steps[1:]), key=lambda s: (s.at, RANKS[s.status]))
