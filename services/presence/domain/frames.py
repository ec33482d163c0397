"""The frames that devices send, whole or in parts."""

import msgspec

from libs.common.errors import Problem, malformed


class Resume(msgspec.Struct, frozen=True):
    epoch: str
    offset: int


class Auth(msgspec.Struct, frozen=True, tag="auth"):
    token: str | None = None
    resume: Resume | None = None


class Ack(msgspec.Struct, frozen=True, tag="ack"):
    conversation_id: str
    sequence_number: int


class Read(msgspec.Struct, frozen=True, tag="read"):
    conversation_id: str
    sequence_number: int


class Ping(msgspec.Struct, frozen=True, tag="ping"):
    pass


class Send(msgspec.Struct, frozen=True, tag="send"):
    """Its body is parsed by the rules of acceptance."""

    ref: str | None = None


Frame = Auth | Ack | Read | Ping | Send
_decode = msgspec.json.Decoder(Frame).decode


def parse_frame(raw: bytes) -> Frame:
    """Raises `Problem` 400."""
    try:
        frame: Frame = _decode(raw)
        return frame
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise malformed("This is not a frame that the chat socket knows.") from error


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
