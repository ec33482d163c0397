"""From what a client says to the event: all that can be checked of a message, with its conversation's members last."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from libs.common.accept.body import (
    Body,
    parse_channels,
    parse_metadata,
    parse_payload,
    parse_uuid,
    resolve_recipients,
)
from libs.common.clock import new_id
from libs.common.errors import Problem, not_found
from libs.common.events import MessageEvent, Payload

_encode = msgspec.json.Encoder().encode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder().decode


class Draft(NamedTuple):
    """A message that is right in itself; whether its sender may say it here is not known yet."""

    message_id: str
    conversation_id: str
    sender: str
    asked_to: list[str] | None
    channels: list[str]
    payload: Payload
    reply_to: str | None
    metadata: str | None


def draft(sender: str, body: Body) -> Draft:
    """Raises `Problem` 403 or 422."""
    if body.sender is not None and body.sender != sender:
        raise Problem(403, "from_mismatch", "`from` is the token's subject and cannot be another.")
    conversation_id = parse_uuid(body.conversation_id, "/conversation_id")
    return Draft(
        message_id=parse_uuid(body.message_id, "/message_id") if body.message_id is not None else new_id(),
        conversation_id=conversation_id,
        sender=sender,
        asked_to=body.to,
        channels=parse_channels(body.channels),
        payload=parse_payload(body.payload),
        reply_to=parse_uuid(body.reply_to, "/reply_to") if body.reply_to is not None else None,
        metadata=parse_metadata(body.metadata),
    )


def to_event(said: Draft, members: Sequence[str], accepted_at: str) -> MessageEvent:
    """`members` are empty where there is no such conversation. Raises `Problem` 404 or 422."""
    if said.sender not in members:
        raise not_found("conversation")
    to = resolve_recipients(said.asked_to, said.sender, members)
    return MessageEvent(
        message_id=said.message_id,
        conversation_id=said.conversation_id,
        sender=said.sender,
        to=to,
        channels=said.channels,
        payload=said.payload,
        reply_to=said.reply_to,
        metadata=said.metadata,
        fingerprint=_fingerprint(said, to),
        accepted_at=accepted_at,
    )


def _fingerprint(said: Draft, to: list[str] | None) -> str:
    """Equal for equal content, in whatever order and with whatever spaces a client writes it."""
    metadata = said.metadata and _encode_sorted(_decode(said.metadata)).decode()
    channels = sorted(said.channels)
    content = (said.sender, said.conversation_id, to, channels, said.payload, said.reply_to, metadata)
    return hashlib.blake2b(_encode(content), digest_size=16).hexdigest()
