"""The rules of acceptance: what a message must be, who may send it, and when it counts as accepted."""

import hashlib
import logging
import re
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import msgspec

from libs.common.bus import Publish
from libs.common.clock import new_id, now, rfc3339
from libs.common.conversations import Members
from libs.common.errors import Problem, Unavailable, each_wrong, invalid, malformed, not_found
from libs.common.events import (
    MESSAGE_EVENTS,
    RECEIPT_EVENTS,
    Location,
    MessageEvent,
    Payload,
    ReceiptEvent,
    ReceiptStatus,
    Text,
    cloud_headers,
    encode,
)
from libs.common.telemetry import traceparent

MAX_BODY = 64 * 1024
MAX_TEXT = 4096
MAX_METADATA = 4096
MAX_DEPTH = 8
MAX_INT64 = 2**63 - 1
MAX_IN_FLIGHT = 10_000  # of one process, about 10 MB of events; above it 503 is kinder than a queue
RECENT_IDS = 50_000
RECENT_S = 300.0


NOTHING = msgspec.Raw(b"null")  # a union of Raw and None takes only null

log = logging.getLogger(__name__)


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """What a client sends; a `send` frame of the socket is the same with a `ref`."""

    conversation_id: str
    payload: msgspec.Raw
    message_id: str | None = None
    sender: str | None = msgspec.field(name="from", default=None)
    to: list[str] | None = None
    channels: list[str] | str | None = None
    reply_to: str | None = None
    metadata: msgspec.Raw = NOTHING
    ref: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    message_id: str
    conversation_id: str
    accepted_at: str


T = TypeVar("T")
_body = msgspec.json.Decoder(Body)
_payload = msgspec.json.Decoder(Payload)
_payload_kind = msgspec.json.Decoder(msgspec.defstruct("Kind", [("type", str)]))
_any = msgspec.json.Decoder()
_canonical = msgspec.json.Encoder().encode
_EXPECTED = re.compile(r"Expected `(.+?)`(?:, got `(.+?)`)?")
_MISSING = re.compile(r"missing required field `(.+?)`")
_PATH = re.compile(r"at `\$(.*?)`")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def parse_body(raw: bytes | msgspec.Raw) -> Body:
    """Raises `Problem` 400, 413 or 422."""
    return parse_json(_body, bytes(raw))


def parse_json(decoder: msgspec.json.Decoder[T], raw: bytes) -> T:
    """A whole body in its type. Raises `Problem` 400, 413 or 422; parts kept as `Raw` are UTF-8 from here on."""
    if len(raw) > MAX_BODY:
        raise Problem(413, "too_large", "A body is at most 64 KiB.")
    try:
        raw.decode()
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise from_validation(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise malformed("The body is not valid JSON in UTF-8, or is nested too deep.") from error


def from_validation(error: msgspec.ValidationError, under: str = "") -> Problem:
    """422 with a JSON Pointer, in our words; `under` is where the decoded part stands in the body."""
    words = str(error)
    path = _PATH.search(words)
    pointer = under + (re.sub(r"\[(\d+)\]", r"/\1", path[1]).replace(".", "/") if path else "")
    if missing := _MISSING.search(words):
        return invalid(f"{pointer}/{missing[1]}", f"{missing[1]} is required")
    expected = _EXPECTED.search(words)
    return invalid(pointer, f"must be {expected[1]}, not {expected[2]}" if expected else "is not valid")


def parse_uuid(value: str, pointer: str) -> str:
    """Any UUID, in lower case with hyphens."""
    lower = value.lower()
    if _UUID.fullmatch(lower) is None:
        raise invalid(pointer, "must be a UUID")
    return lower


def parse_payload(raw: msgspec.Raw) -> Payload:
    try:
        if _payload_kind.decode(raw).type == "file":  # type: ignore[attr-defined]
            raise invalid("/payload/type", "File messages are not available yet.", "files_not_available")
        payload: Payload = _payload.decode(raw)
    except msgspec.ValidationError as error:
        raise from_validation(error, "/payload") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise invalid("/payload", "must be valid JSON: no lone surrogates, not nested too deep") from error
    match payload:
        case Text(text=text):
            check_text(text, "/payload/text", MAX_TEXT)
        case Location():
            _check_location(payload)
    return payload


def check_text(text: str, pointer: str, longest: int) -> None:
    """1 to `longest` code points, without NUL."""
    if not 1 <= len(text) <= longest:
        raise invalid(pointer, f"must be 1 to {longest} characters long, not {len(text)}")
    if "\0" in text:
        raise invalid(pointer, "must not contain NUL")


def _check_location(place: Location) -> None:
    if not -90 <= place.latitude <= 90:
        raise invalid("/payload/latitude", "must be between -90 and 90")
    if not -180 <= place.longitude <= 180:
        raise invalid("/payload/longitude", "must be between -180 and 180")
    if place.name is not None:
        check_text(place.name, "/payload/name", 256)


def parse_metadata(raw: msgspec.Raw) -> str | None:
    """The client's JSON text as it came."""
    text = bytes(raw)
    if text == b"null":
        return None
    if len(text) > MAX_METADATA:
        raise invalid("/metadata", f"must be at most {MAX_METADATA} bytes of JSON")
    try:
        value = _any.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise invalid("/metadata", "must be valid JSON: no lone surrogates, at most 8 levels deep") from error
    if not isinstance(value, dict):
        raise invalid("/metadata", "must be an object")
    if not _is_within(MAX_DEPTH, value):
        raise invalid("/metadata", f"must be at most {MAX_DEPTH} levels deep")
    return text.decode()


def _is_within(levels: int, value: object) -> bool:
    """Looks no deeper than it must: what is nested deeper would exhaust the stack."""
    if not isinstance(value, dict | list):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_is_within(levels - 1, one) for one in inner)


def resolve_channels(asked: list[str] | str | None) -> list[str]:
    """Internal, until a recipient can be reached elsewhere."""
    names = [asked] if isinstance(asked, str) else asked
    if names is None or names == ["all"]:
        return ["internal"]
    if not names:
        raise invalid("/channels", "must name at least one channel")
    for index, name in enumerate(names):
        if name != "internal":
            raise invalid(f"/channels/{index}", "The only channel so far is internal.", "unknown_channel")
    return ["internal"]


def resolve_recipients(asked: list[str] | None, sender: str, members: Sequence[str]) -> list[str] | None:
    """Who is addressed, sorted; None for every other member, which is how it is told from a narrower choice."""
    if asked is None:
        return None
    if strangers := {*asked} - {*members}:
        errors = each_wrong(strangers, asked, "/to", "is not a member of this conversation")
        raise Problem(422, "not_a_member", f"to: {errors[0].detail}", errors=errors)
    others = sorted(set(asked) - {sender})
    if not others:
        raise invalid("/to", "must name a member other than the sender")
    return None if len(others) == len(members) - 1 else others


class _Recent(NamedTuple):
    until: float
    fingerprint: str
    sender: str


class RecentIds:
    """What this process accepted in the last minutes, and from whom: a bounded courtesy, the router decides."""

    def __init__(self, size: int = RECENT_IDS, lifetime_s: float = RECENT_S) -> None:
        self._size = size
        self._lifetime_s = lifetime_s
        self._known: OrderedDict[str, _Recent] = OrderedDict()

    def check(self, message_id: str, fingerprint: str) -> None:
        """Raises `Problem` 409 where the id was accepted with other content."""
        known = self._get(message_id)
        if known and known.fingerprint != fingerprint:
            raise Problem(409, "message_id_conflict", "This message_id was used for another message.")

    def remember(self, message_id: str, fingerprint: str, sender: str) -> None:
        self._known[message_id] = _Recent(time.monotonic() + self._lifetime_s, fingerprint, sender)
        if len(self._known) > self._size:
            self._known.popitem(last=False)

    def has(self, message_id: str, sender: str) -> bool:
        known = self._get(message_id)
        return known is not None and known.sender == sender

    def _get(self, message_id: str) -> _Recent | None:
        known = self._known.get(message_id)
        return known if known and known.until > time.monotonic() else None


class Acceptor:
    """Turns what clients say into events that Kafka has acknowledged. `source` names the process in CloudEvents."""

    def __init__(self, members: Members, publish: Publish, source: str) -> None:
        self._members = members
        self._publish = publish
        self._source = source
        self._recent = RecentIds()
        self._in_flight = 0

    async def accept_message(self, sender: str, body: Body) -> Accepted:
        """Returns when the message is durable. Raises `Problem`, or `Unavailable`, which promises nothing."""
        event = await self._check(sender, body)
        self._recent.check(event.message_id, event.fingerprint)
        await self._send(MESSAGE_EVENTS, event, event.message_id, event.accepted_at)
        self._recent.remember(event.message_id, event.fingerprint, sender)
        log.debug("accepted", extra={"message_id": event.message_id})
        return Accepted(event.message_id, event.conversation_id, event.accepted_at)

    def accepted_recently(self, sender: str, message_id: str) -> bool:
        """True where this process answered 202 for it in the last minutes: if it is not stored, it is on its way."""
        return self._recent.has(message_id, sender)

    async def accept_receipt(self, username: str, conversation_id: str, status: ReceiptStatus, number: int) -> None:
        """Returns when the receipt is durable; numbers beyond the last are clamped where it is stored."""
        conversation_id = parse_uuid(conversation_id, "/conversation_id")
        if not 1 <= number <= MAX_INT64:
            raise invalid("/sequence_number", "must be a positive integer of at most 64 bit")
        await self.membership(username, conversation_id)
        at = rfc3339(now())
        event = ReceiptEvent(
            conversation_id=conversation_id, username=username, status=status, sequence_number=number, at=at
        )
        await self._send(RECEIPT_EVENTS, event, f"{conversation_id}/{username}/{status}/{number}", at)

    async def membership(self, username: str, conversation_id: str) -> tuple[str, ...]:
        """The members of a conversation of this user's. Raises `Problem` 404."""
        members = self._members.known(conversation_id) or await self._members.of(conversation_id)
        if username not in members:
            raise not_found("conversation")
        return members

    async def _check(self, sender: str, body: Body) -> MessageEvent:
        if body.sender is not None and body.sender != sender:
            raise Problem(403, "from_mismatch", "`from` is the token's subject and cannot be another.")
        conversation_id = parse_uuid(body.conversation_id, "/conversation_id")
        message_id = parse_uuid(body.message_id, "/message_id") if body.message_id is not None else new_id()
        reply_to = parse_uuid(body.reply_to, "/reply_to") if body.reply_to is not None else None
        payload = parse_payload(body.payload)
        metadata = parse_metadata(body.metadata)
        channels = resolve_channels(body.channels)
        members = await self.membership(sender, conversation_id)
        to = resolve_recipients(body.to, sender, members)
        content = (sender, conversation_id, to, channels, payload, reply_to, metadata)
        return MessageEvent(
            message_id=message_id,
            conversation_id=conversation_id,
            sender=sender,
            to=to,
            channels=channels,
            payload=payload,
            reply_to=reply_to,
            metadata=metadata,
            fingerprint=hashlib.blake2b(_canonical(content), digest_size=16).hexdigest(),
            accepted_at=rfc3339(now()),
        )

    async def _send(self, topic: str, event: MessageEvent | ReceiptEvent, event_id: str, at: str) -> None:
        if self._in_flight >= MAX_IN_FLIGHT:
            raise Unavailable("Kafka", f"{MAX_IN_FLIGHT} messages are waiting for it")
        headers = cloud_headers(event, event_id, self._source, at, traceparent.get())
        self._in_flight += 1
        try:
            await self._publish(topic, event.conversation_id, encode(event), headers)
        finally:
            self._in_flight -= 1
