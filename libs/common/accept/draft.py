"""From what a client says to the event: what can be checked of a message by itself, then by its members."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from libs.common.accept.body import (
    Body,
    SaidPayload,
    parse_channels,
    parse_metadata,
    parse_payload,
    parse_uuid,
    resolve_recipients,
)
from libs.common.accept.route import parse_route
from libs.common.clock import new_id
from libs.common.errors import Problem, not_found
from libs.common.events import MessageEvent, Payload, Step

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
    route: list[Step] | None
    payload: SaidPayload
    reply_to: str | None
    metadata: str | None


class Addressed(NamedTuple):
    """A message that its sender may say here, and whom it addresses; None for every other member."""

    said: Draft
    to: list[str] | None
    fingerprint: str


class Accepted(NamedTuple):
    message_id: str
    conversation_id: str
    accepted_at: str


def draft(sender: str, body: Body) -> Draft:
    """Raises `Problem` 403 or 422."""
    if body.sender is not None and body.sender != sender:
        raise Problem(403, "from_mismatch", "`from` is the token's subject and cannot be another.")
    conversation_id = parse_uuid(body.conversation_id, "/conversation_id")
    route = parse_route(body.route, body.channels)
    return Draft(
        message_id=parse_uuid(body.message_id, "/message_id") if body.message_id is not None else new_id(),
        conversation_id=conversation_id,
        sender=sender,
        asked_to=body.to,
        channels=[step.channel for step in route] if route else parse_channels(body.channels),
        route=route,
        payload=parse_payload(body.payload),
        reply_to=parse_uuid(body.reply_to, "/reply_to") if body.reply_to is not None else None,
        metadata=parse_metadata(body.metadata),
    )


def address(said: Draft, members: Sequence[str]) -> Addressed:
    """`members` are empty where there is no such conversation. Raises `Problem` 404 or 422."""
    if said.sender not in members:
        raise not_found("conversation")
    to = resolve_recipients(said.asked_to, said.sender, members)
    return Addressed(said, to, _fingerprint(said, to))


def to_event(message: Addressed, payload: Payload, accepted_at: str) -> MessageEvent:
    """`payload` is what the message says, with what was looked up for it."""
    said = message.said
    return MessageEvent(
        message_id=said.message_id,
        conversation_id=said.conversation_id,
        sender=said.sender,
        to=message.to,
        channels=said.channels,
        route=said.route,
        payload=payload,
        reply_to=said.reply_to,
        metadata=said.metadata,
        fingerprint=message.fingerprint,
        accepted_at=accepted_at,
    )


def _fingerprint(said: Draft, to: list[str] | None) -> str:
    """Equal for equal content, in whatever order and with whatever spaces a client writes it.

    It covers what was said and not what was looked up: a retry is one also where a file is gone since.
    """
    metadata = said.metadata and _encode_sorted(_decode(said.metadata)).decode()
    channels = sorted(said.channels)
    content = (said.sender, said.conversation_id, to, channels, said.payload, said.reply_to, metadata)
    routed = (*content, said.route) if said.route else content
    return hashlib.blake2b(_encode(routed), digest_size=16).hexdigest()
