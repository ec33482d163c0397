"""What a message must be: the body as a client says it, checked so that nothing behind it can refuse it."""

import re
from collections.abc import Sequence
from typing import Annotated, TypeVar, get_args

import msgspec

from connectors.capabilities import CHANNELS, INTERNAL
from libs.common.errors import Problem, each_wrong, invalid, malformed, not_found
from libs.common.events import ALL_CHANNELS, MAX_CAPTION, MAX_PLACE, MAX_STEPS, MAX_TEXT, Location, Step, Text
from libs.common.shapes import Uuid, shown
from libs.common.wording import from_validation

MAX_BODY = 64 * 1024
MAX_BATCH_BODY = 1024 * 1024
MAX_BATCH = 100
MAX_METADATA = 4096
MAX_DEPTH = 8
MAX_INT64 = 2**63 - 1
CHANNEL_NAMES = (INTERNAL, *CHANNELS, ALL_CHANNELS)
CHANNELS_ASKED = [["internal", "whatsapp"], ["all"]]


class FileReference(msgspec.Struct, frozen=True, tag_field="type", tag="file", omit_defaults=True):
    """A completed file, one's own or one that was sent to oneself. All else about it is looked up, never believed."""

    file_id: Uuid
    caption: Annotated[str, shown(minLength=1, maxLength=MAX_CAPTION)] | None = None


SaidPayload = Text | FileReference | Location
PAYLOADS = [kind.__name__ for kind in get_args(SaidPayload)]
KIND = "/payload/type"
KINDS = [kind.__struct_config__.tag for kind in get_args(SaidPayload)]
NOTHING = msgspec.Raw(b"null")  # a union of Raw and None takes only null


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """What a client sends; a `send` frame of the socket is the same with a `ref`."""

    conversation_id: Uuid
    payload: Annotated[msgspec.Raw, shown(anyOf=[{"$ref": f"#/components/schemas/{kind}"} for kind in PAYLOADS])]
    message_id: Annotated[Uuid, shown("Makes the message safe to repeat.")] | None = None
    sender: Annotated[str, shown("The caller, or 403.")] | None = msgspec.field(name="from", default=None)
    to: Annotated[list[str], shown("Who is addressed; without it: every other member.", minItems=1)] | None = None
    channels: (
        Annotated[
            list[Annotated[str, shown(enum=CHANNEL_NAMES)]] | Annotated[str, shown(enum=CHANNEL_NAMES)],
            shown("`all`: internal, and every other channel that a recipient has mapped.", examples=CHANNELS_ASKED),
        ]
        | None
    ) = None
    route: (
        Annotated[
            list[Step],
            shown("Channels to be tried one after the other, in place of `channels`.", minItems=1, maxItems=MAX_STEPS),
        ]
        | None
    ) = None
    reply_to: Uuid | None = None
    metadata: Annotated[
        msgspec.Raw,
        shown("Echoed. At most 4 KiB and 8 levels deep.", type=["object", "null"]),
    ] = msgspec.field(default_factory=lambda: NOTHING)
    ref: str | None = None


class Batch(msgspec.Struct, frozen=True):
    messages: Annotated[
        list[Annotated[msgspec.Raw, shown(**{"$ref": "#/components/schemas/Body"})]],
        shown(minItems=1, maxItems=MAX_BATCH),
    ]


T = TypeVar("T")
_body = msgspec.json.Decoder(Body)
_batch = msgspec.json.Decoder(Batch)
_payload = msgspec.json.Decoder(SaidPayload)
_any = msgspec.json.Decoder()
_raw = msgspec.json.Decoder(msgspec.Raw)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def parse_body(raw: bytes | msgspec.Raw) -> Body:
    """Raises `Problem` 400, 413 or 422."""
    return parse_json(_body, bytes(raw))


def parse_batch(raw: bytes) -> list[msgspec.Raw]:
    """1 to 100 messages, none of them looked into. Raises `Problem` 400, 413 or 422."""
    messages = parse_json(_batch, raw, MAX_BATCH_BODY).messages
    if not 1 <= len(messages) <= MAX_BATCH:
        raise invalid("/messages", f"must hold 1 to {MAX_BATCH} messages, not {len(messages)}")
    return messages


def parse_json(decoder: msgspec.json.Decoder[T], raw: bytes, longest: int = MAX_BODY) -> T:
    """A whole body in its type. Raises `Problem` 400, 413 or 422; parts kept as `Raw` are UTF-8 from here on."""
    if len(raw) > longest:
        raise Problem(413, "too_large", f"A body is at most {longest // 1024} KiB.")
    try:
        raw.decode()
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise (from_validation(error) if _is_json(raw) else _no_json()) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _no_json() from error


def _is_json(raw: bytes) -> bool:
    """The decoder of a type stops at the first field that is wrong, and has not seen what comes behind it."""
    try:
        _raw.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _no_json() -> Problem:
    return malformed("The body is not valid JSON in UTF-8, or is nested too deep.")


def parse_uuid(value: str, pointer: str) -> str:
    """Any UUID, in lower case with hyphens."""
    lower = value.lower()
    if _UUID.fullmatch(lower) is None:
        raise invalid(pointer, "must be a UUID")
    return lower


def known_id(value: str, what: str) -> str:
    """An id in a path, in lower case; nothing stands under what is none. Raises `Problem` 404."""
    try:
        return parse_uuid(value, "")
    except Problem as error:
        raise not_found(what) from error


def cursor_id(cursor: str) -> str:
    """The place where a list in the order of ids goes on. Raises `Problem` 422."""
    try:
        return parse_uuid(cursor, "")
    except Problem as error:
        raise invalid("/query/cursor", "must be a next_cursor as it was given") from error


def parse_payload(raw: msgspec.Raw) -> SaidPayload:
    try:
        payload: SaidPayload = _payload.decode(raw)
    except msgspec.ValidationError as error:
        raise _payload_fault(error) from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise invalid("/payload", "must be valid JSON: no lone surrogates, not nested too deep") from error
    match payload:
        case Text(text=text):
            check_text(text, "/payload/text", MAX_TEXT)
        case FileReference():
            return _check_reference(payload)
        case Location():
            _check_location(payload)
    return payload


def _payload_fault(error: msgspec.ValidationError) -> Problem:
    fault = from_validation(error, "/payload")
    return invalid(KIND, f"must be one of {', '.join(KINDS)}") if fault.errors[0].pointer == KIND else fault


def check_text(text: str, pointer: str, longest: int) -> None:
    """1 to `longest` code points, without NUL."""
    if not 1 <= len(text) <= longest:
        raise invalid(pointer, f"must be 1 to {longest} characters long, not {len(text)}")
    if "\0" in text:
        raise invalid(pointer, "must not contain NUL")


def _check_reference(said: FileReference) -> FileReference:
    """The same with its id in lower case."""
    if said.caption is not None:
        check_text(said.caption, "/payload/caption", MAX_CAPTION)
    return msgspec.structs.replace(said, file_id=parse_uuid(said.file_id, "/payload/file_id"))


def _check_location(place: Location) -> None:
    if not -90 <= place.latitude <= 90:
        raise invalid("/payload/latitude", "must be between -90 and 90")
    if not -180 <= place.longitude <= 180:
        raise invalid("/payload/longitude", "must be between -180 and 180")
    if place.name is not None:
        check_text(place.name, "/payload/name", MAX_PLACE)


def parse_metadata(raw: msgspec.Raw) -> str | None:
    """The client's JSON text as it came."""
    text = bytes(raw)
    if text == b"null":
        return None
    if len(text) > MAX_METADATA:
        raise invalid("/metadata", f"must be at most {MAX_METADATA} bytes of JSON")
    try:
        value = _any.decode(raw)
    except msgspec.ValidationError as error:
        raise from_validation(error, "/metadata") from error
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


def parse_channels(asked: list[str] | str | None) -> list[str]:
    """What is asked, each once; what "all" means for a recipient is decided where the message is stored."""
    names = [asked] if isinstance(asked, str) else asked
    if names is None:
        return [INTERNAL]
    if not names:
        raise invalid("/channels", "must name at least one channel")
    for index, name in enumerate(names):
        if name not in CHANNEL_NAMES:
            raise invalid(f"/channels/{index}", f"must be one of {', '.join(CHANNEL_NAMES)}", "unknown_channel")
    return list(dict.fromkeys(names))


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
