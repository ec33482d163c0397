"""What may be sent in place of a letter: an event that its topic takes, about the same and from the same."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from libs.common.errors import FieldError, Problem, invalid
from libs.common.events import (
    DeliveryRequest,
    Event,
    FileEvent,
    InboundEvent,
    MessageEvent,
    NoticeEvent,
    ReceiptEvent,
    StatusEvent,
    decode_any,
    encode,
    origin_of,
)
from libs.common.wording import from_validation
from services.router.operators.domain.letters import DEEPEST, Kept, event_of, is_deep

FIXED: Mapping[type[Event], tuple[str, ...]] = {
    MessageEvent: ("message_id", "conversation_id", "sender"),
    ReceiptEvent: ("conversation_id", "username"),
    StatusEvent: ("conversation_id", "message_id", "sender", "username", "recipient", "channel"),
    FileEvent: ("file_id", "owner"),
    NoticeEvent: ("notice_id", "channel", "address"),
    DeliveryRequest: (
        *("delivery_id", "message_id", "conversation_id", "sequence_number", "sender", "recipient"),
        *("channel", "account", "address"),
    ),
}
KEYS: Mapping[type[Event], Callable[[Any], str]] = {
    MessageEvent: lambda e: e.conversation_id,
    ReceiptEvent: lambda e: e.conversation_id,
    StatusEvent: lambda e: e.conversation_id,
    FileEvent: lambda e: e.file_id,
    NoticeEvent: lambda e: f"{e.channel}/{e.address}",
    DeliveryRequest: lambda e: e.address,
    InboundEvent: lambda e: f"{e.channel}/{e.account}/{e.address}",
}
"""Of a record: what belongs together stays in one partition, also where the letter had a key that was none."""

Readable = Callable[[InboundEvent], str | None]
"""Why the platform's connector cannot read an update; None where it can."""


def edited(letter: Kept, body: Any, readable: Readable) -> tuple[str, bytes]:
    """(key, value) of the record with this body, as `body_of` shows it. Raises `Problem` 422."""
    if is_deep(body):
        raise invalid("/body", f"is nested deeper than {DEEPEST} levels")
    before = event_of(letter["topic"], letter["value"])
    if isinstance(before, InboundEvent):
        after: Event = msgspec.structs.replace(before, body=msgspec.json.encode(body))
    else:
        after = _event(letter, body)
        _require_the_same(before, after)
    if isinstance(after, InboundEvent) and (why := readable(after)):
        raise invalid("/body", f"is nothing that {after.channel} says: {why}")
    return KEYS[type(after)](after), encode(after)


def _event(letter: Kept, body: Any) -> Event:
    try:
        return decode_any(origin_of(letter["topic"]), msgspec.json.encode(body))
    except (msgspec.DecodeError, LookupError) as error:
        raise invalid("/body", f"is no event of {origin_of(letter['topic'])}{_why(error)}") from None


def _why(error: Exception) -> str:
    if not isinstance(error, msgspec.ValidationError):
        return ""
    (fault,) = from_validation(error).errors
    return f": {fault.pointer} {fault.detail}"


def _require_the_same(before: Event | None, after: Event) -> None:
    if before is None:
        return
    changed = [name for name in FIXED[type(after)] if getattr(before, name) != getattr(after, name)]
    if changed:
        names = {f.name: f.encode_name for f in msgspec.structs.fields(after)}
        errors = [FieldError(f"/body/{names[name]}", "may not be changed") for name in changed]
        raise Problem(422, "invalid_field", f"{errors[0].pointer}: {errors[0].detail}", errors=errors)
