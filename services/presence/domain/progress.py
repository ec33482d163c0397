"""Which frames a connection still lacks, and whether an earlier one can be resumed."""

from dataclasses import dataclass, field
from enum import Enum


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
