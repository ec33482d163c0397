"""What a connection decides: which frames it still lacks, and whether an earlier one can be resumed."""

from dataclasses import dataclass, field
from enum import Enum

import msgspec

from libs.common.errors import Problem, malformed


class Step(Enum):
    PUSH = "push"
    SKIP = "skip"
    FILL = "fill"


@dataclass(slots=True)
class Progress:
    """What one connection has: the last number pushed of each conversation, and the offset in its feed.

    `floors` are the numbers that the user had acknowledged at log-in, where nothing of a conversation was pushed yet.
    """

    offset: int = 0
    have: dict[str, int] = field(default_factory=dict)
    floors: dict[str, int] = field(default_factory=dict)

    def lower_bound(self, conversation_id: str) -> int:
        return max(self.have.get(conversation_id, 0), self.floors.get(conversation_id, 0))

    def judge(self, conversation_id: str, number: int) -> Step:
        """Per conversation in order, no gap, no repeat."""
        have = self.have.get(conversation_id)
        if have is None or number == have + 1:
            return Step.PUSH
        return Step.SKIP if number <= have else Step.FILL


@dataclass(frozen=True, slots=True)
class Feed:
    """The state of a user's feed; the epoch begins with Redis' run id, so that no restart of it can pass unseen."""

    epoch: str
    first: int  # the offset of the oldest entry, last + 1 where there is none
    last: int

    def can_resume(self, epoch: str, offset: int) -> bool:
        return epoch == self.epoch and self.first - 1 <= offset <= self.last


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
