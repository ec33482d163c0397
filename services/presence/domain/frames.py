"""The frames that devices send, whole or in parts."""

import re
from typing import Any

import msgspec

from libs.common.errors import Problem, malformed
from libs.common.shapes import Number, Uuid


class Resume(msgspec.Struct, frozen=True):
    """What an earlier connection said last."""

    epoch: str
    offset: int


class Auth(msgspec.Struct, frozen=True, tag="auth"):
    """Logs in: the first frame, within 5 s. After the header it comes without token, at once, to bring `resume`."""

    token: str | None = None
    resume: Resume | None = None


class Ack(msgspec.Struct, frozen=True, tag="ack"):
    """This device has everything up to the number."""

    conversation_id: Uuid
    sequence_number: Number


class Read(msgspec.Struct, frozen=True, tag="read"):
    """The user has read everything up to the number."""

    conversation_id: Uuid
    sequence_number: Number


class Typing(msgspec.Struct, frozen=True, tag="typing"):
    """The others see it for 5 s. To be repeated while it goes on, every few seconds."""

    conversation_id: Uuid


class Ping(msgspec.Struct, frozen=True, tag="ping"):
    """Asks for a `pong`."""


class Send(msgspec.Struct, frozen=True, tag="send"):
    """A message, as in `POST /v1/messages`: its body is parsed by the rules of acceptance."""

    ref: str | None = None


class Loose(msgspec.Struct, frozen=True):
    """What can be read of a frame that is none."""

    type: Any = None
    ref: Any = None
    token: Any = None


class RefusedSend(Problem):
    """A `send` that is none, but whose `ref` can be read, so that its answer finds who waits for it."""

    def __init__(self, ref: Any) -> None:
        super().__init__(400, "malformed", "This `send` frame is not valid JSON, or its `ref` is not a string.")
        self.ref = ref


Frame = Auth | Ack | Read | Typing | Ping | Send
NOWHERE = Resume("", -1)
"""For a `resume` that cannot be read: nothing can be proven from it."""

_decode = msgspec.json.Decoder(Frame).decode
_decode_loosely = msgspec.json.Decoder(Loose).decode
_BROKEN_SEND = re.compile(rb'\s*\{\s*"type"\s*:\s*"send"\s*,\s*"ref"\s*:\s*"([\w.:-]{1,64})"')
_TYPES = {"auth", "ack", "read", "typing", "ping", "send"}


def parse_frame(raw: bytes) -> Frame:
    """Raises `Problem` 400."""
    try:
        frame: Frame = _decode(raw)
        return frame
    except msgspec.ValidationError as error:
        try:
            return _make_do(_decode_loosely(raw))
        except (msgspec.DecodeError, RecursionError):
            raise _malformed() from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if begun := _BROKEN_SEND.match(raw):
            raise RefusedSend(begun[1].decode()) from error
        raise _malformed() from error


def _make_do(loose: Loose) -> Frame:
    """An `auth` whose `resume` is rubbish still logs in; for all else it is the words that differ."""
    if loose.type == "auth" and isinstance(loose.token, str | None):
        return Auth(loose.token, NOWHERE)
    if loose.type == "send":
        raise RefusedSend(loose.ref if isinstance(loose.ref, str | int | float) else None)
    if isinstance(loose.type, str) and loose.type not in _TYPES:
        raise Problem(400, "unknown_frame", "The chat socket knows no frame of this type.")
    raise _malformed()


def _malformed() -> Problem:
    return malformed("This is not a frame that the chat socket knows.")


class Assembly:
    """A frame that comes in parts: what it costs depends on its bytes alone, however many parts there are."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._parts = bytearray()

    def add(self, part: bytes, *, is_last: bool) -> bytes | None:
        """The whole frame once its last part is there. Raises `Problem` 413."""
        if len(self._parts) + len(part) > self._longest:
            raise Problem(413, "too_large", "A frame is at most 64 KiB.")
        self._parts += part
        if not is_last:
            return None
        whole = bytes(self._parts)
        self._parts.clear()
        return whole
