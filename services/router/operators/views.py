"""What operators are shown."""

from typing import Annotated, Any, Literal

import msgspec

from libs.common.clock import rfc3339
from libs.common.mongo import Document
from libs.common.shapes import Time, Username, shown
from services.router.operators.domain.letters import Kept, body_of

LetterId = Annotated[str, shown("`topic:partition:offset`.", examples=["message.events.dlq:3:17"])]
State = Literal["open", "replaying", "replayed", "dropped"]
Done = Literal[
    "replayed", "dropped", "already_replayed", "already_dropped", "in_progress", "not_found", "not_read", "unavailable"
]


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A record that could never be handled. `origin` is where it stood first; times there are as it brought them.

    `about` names what it is about, where that can be read: the message, the delivery, the account of a platform.
    """

    id: LetterId
    topic: str
    at: Annotated[Time, shown("When it came here.")]
    state: State
    reason: Annotated[str, shown("A word, such as `malformed` or `unreachable`.")]
    attempts: Annotated[int, shown("How often it was given up.")]
    origin: str
    first_at: str
    last_at: str
    key: str
    about: dict[str, str]
    settled_by: Username | None = None
    settled_at: Time | None = None


class LetterPage(msgspec.Struct, frozen=True):
    items: list[Letter]
    next_cursor: str | None


class Step(msgspec.Struct, frozen=True):
    status: str
    at: Time


class DeliveryState(msgspec.Struct, frozen=True, kw_only=True):
    """The delivery as it is now."""

    delivery_id: str
    status: str
    attempts: int
    error: dict[str, str] | None
    updated_at: Time
    history: list[Step]


class WholeLetter(Letter, frozen=True, kw_only=True):
    """`body` is what it says, where that is JSON, else null; `text` is the same, indented, or else as it came.

    Of an update of a platform (`is_update`) `body` is the update, as the platform told it.
    """

    headers: dict[str, str]
    body: Any
    text: str | None
    is_update: bool
    value_base64: Annotated[str, shown("The record's value as it came.", contentEncoding="base64")]
    replayed_value_base64: Annotated[str | None, shown("What was sent in its place, if it was edited.")]
    delivery: DeliveryState | None


class Count(msgspec.Struct, frozen=True):
    topic: str
    reason: str
    count: int


class Counts(msgspec.Struct, frozen=True):
    """Of those that are open, by topic and reason, the most first."""

    items: list[Count]


class Settled(msgspec.Struct, frozen=True, omit_defaults=True):
    """`not_read`: no router reads its topic any more. `unavailable`: Kafka did not take it in time; do it again."""

    id: LetterId
    outcome: Done
    detail: str = ""


class SettledAll(msgspec.Struct, frozen=True):
    """In the order in which it was done: that of Kafka."""

    items: list[Settled]


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """`outcome` is `begun` where whoever did it died before the end."""

    id: str
    at: Time
    who: Username
    action: Annotated[str, shown(examples=["dlq.replay"])]
    on: str
    outcome: str
    details: dict[str, Any]
    ended_at: Time | None


class AuditPage(msgspec.Struct, frozen=True):
    items: list[AuditEntry]
    next_cursor: str | None


def letter_of(d: Kept) -> Letter:
    return Letter(**_plain(d))


def whole_letter_of(d: Kept, delivery: Document | None) -> WholeLetter:
    body, sent = body_of(d), d.get("replayed_value")
    return WholeLetter(
        **_plain(d),
        headers={name: value.decode("utf-8", "backslashreplace") for name, value in d["headers"]},
        body=body.json,
        text=body.text,
        is_update=body.is_update,
        value_base64=body.base64,
        replayed_value_base64=None if sent is None else body_of({**d, "value": sent}).base64,
        delivery=_delivery(delivery) if delivery else None,
    )


def audit_entry_of(d: Document) -> AuditEntry:
    ended = d.get("ended_at")
    return AuditEntry(
        id=d["_id"],
        at=rfc3339(d["at"]),
        who=d["who"],
        action=d["action"],
        on=d["on"],
        outcome=d["outcome"],
        details=d["details"],
        ended_at=ended and rfc3339(ended),
    )


def _plain(d: Kept) -> dict[str, Any]:
    same = ("topic", "state", "reason", "attempts", "origin", "first_at", "last_at", "key", "about")
    settled = d.get("settled_at")
    return {
        "id": d["_id"],
        "at": rfc3339(d["at"]),
        **{name: d[name] for name in same},
        "settled_by": d.get("settled_by"),
        "settled_at": settled and rfc3339(settled),
    }


def _delivery(d: Document) -> DeliveryState:
    return DeliveryState(
        delivery_id=d["_id"],
        status=d["status"],
        attempts=d["attempts"],
        error=d["error"],
        updated_at=rfc3339(d["updated_at"]),
        history=[Step(h["status"], rfc3339(h["at"])) for h in d["history"]],
    )
