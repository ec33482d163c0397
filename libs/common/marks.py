"""How far a member of a conversation has got, and what deliveries make of a message's status: pure decisions."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from libs.common.events import DeliveryStatus, MessageStatus, ReceiptStatus

RANKS: Mapping[DeliveryStatus, int] = {"QUEUED": 0, "SENT": 1, "FAILED": 2, "DELIVERED": 3, "READ": 4}
"""A delivery's status only rises: proof of arrival beats failure."""


class Marks(NamedTuple):
    """A member has (has read) everything up to these numbers; reading something implies having it."""

    delivered: int = 0
    read: int = 0

    def advanced(self, status: ReceiptStatus, number: int) -> "Marks":
        read = max(self.read, number) if status == "READ" else self.read
        return Marks(max(self.delivered, number), read)

    def status_of(self, number: int) -> MessageStatus:
        """Of this member's internal delivery of the message with this number."""
        if self.read >= number:
            return "READ"
        return "DELIVERED" if self.delivered >= number else "SENT"


Member = tuple[str, str]
"""(conversation_id, username)"""


def internal_status(
    conversation_id: str, number: int, to: Sequence[str], marks: Mapping[Member, Marks]
) -> MessageStatus:
    """Of a message that is delivered internally alone: DELIVERED (READ) when every recipient has it (has read it)."""
    return message_status(marks.get((conversation_id, recipient), Marks()).status_of(number) for recipient in to)


def recipient_status(deliveries: Collection[DeliveryStatus]) -> MessageStatus:
    """What the deliveries to one recipient amount to: the best that is proven, FAILED where every one has failed."""
    if "READ" in deliveries:
        return "READ"
    if "DELIVERED" in deliveries:
        return "DELIVERED"
    return "FAILED" if deliveries and all(status == "FAILED" for status in deliveries) else "SENT"


def message_status(recipients: Iterable[MessageStatus]) -> MessageStatus:
    """What every recipient has; FAILED while there is one for whom every delivery has failed."""
    statuses = set(recipients)
    if "FAILED" in statuses:
        return "FAILED"
    return min(statuses, key=RANKS.__getitem__, default="SENT")
