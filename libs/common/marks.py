"""How far a member of a conversation has got, and what that makes of a message's status: pure decisions."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from libs.common.events import MessageStatus, ReceiptStatus


class Marks(NamedTuple):
    """A member has (has read) everything up to these numbers; reading something implies having it."""

    delivered: int = 0
    read: int = 0

    def advanced(self, status: ReceiptStatus, number: int) -> "Marks":
        read = max(self.read, number) if status == "READ" else self.read
        return Marks(max(self.delivered, number), read)


Member = tuple[str, str]
"""(conversation_id, username)"""


def message_status(
    conversation_id: str, number: int, to: Sequence[str], marks: Mapping[Member, Marks]
) -> MessageStatus:
    """DELIVERED (READ) when every recipient has it (has read it)."""
    reached = [marks.get((conversation_id, recipient), Marks()) for recipient in to]
    if all(m.read >= number for m in reached):
        return "READ"
    if all(m.delivered >= number for m in reached):
        return "DELIVERED"
    return "SENT"
