"""Deliveries on external channels: one document each, written by the router, read wherever a status is shown.

Internal deliveries have none: their status is derived from receipts.
"""

from collections.abc import Collection, Mapping, Sequence

from connectors.capabilities import INTERNAL
from libs.common.events import DeliveryStatus, MessageStatus
from libs.common.marks import Marks, Member, internal_status, message_status, recipient_status
from libs.common.mongo import Database, Document, answering

INTERNAL_ONLY = [INTERNAL]
BRANCHES = 200  # of one `$or`
WITHOUT_TARGETS = {"targets": 0, "begun": 0}  # a page shows no addresses; a large group has a thousand

External = Mapping[str, Mapping[str, Sequence[DeliveryStatus]]]
"""message_id → recipient → the status on each external channel that has a delivery."""


def delivery_id(message_id: str, recipient: str, channel: str) -> str:
    return f"{message_id}:{recipient}:{channel}"


def deliveries_of(message_id: str) -> Document:
    """The query for all of a message: a range of ids."""
    return {"_id": {"$gte": f"{message_id}:", "$lt": f"{message_id};"}}


def is_external(channels: Sequence[str]) -> bool:
    return channels != INTERNAL_ONLY


async def read_deliveries(database: Database, message_ids: Collection[str]) -> list[Document]:
    """Whole, in the order of their ids. Raises `Unavailable`."""
    with answering():
        found = database["deliveries"].find({"$or": [deliveries_of(m) for m in message_ids]}).sort("_id", 1)
        return await found.to_list()


async def read_external(database: Database, messages: Sequence[Document]) -> External:
    """The statuses alone: one query a page, and none where all channels are internal. Raises `Unavailable`."""
    ids = [m["_id"] for m in messages if is_external(m["channels"])]
    found: dict[str, dict[str, Sequence[DeliveryStatus]]] = {}
    with answering():
        for start in range(0, len(ids), BRANCHES):
            pipeline: list[Document] = [
                {"$match": {"$or": [deliveries_of(m) for m in ids[start : start + BRANCHES]]}},
                {"$group": {"_id": {"m": "$message_id", "r": "$recipient"}, "statuses": {"$push": "$status"}}},
            ]
            async for row in await database["deliveries"].aggregate(pipeline):
                found.setdefault(row["_id"]["m"], {})[row["_id"]["r"]] = row["statuses"]
    return found


def status_of(message: Document, marks: Mapping[Member, Marks], external: External) -> MessageStatus:
    """The status of a stored message."""
    conversation_id, number, channels = message["conversation_id"], message["sequence_number"], message["channels"]
    if not is_external(channels):
        return internal_status(conversation_id, number, message["to"], marks)
    deliveries = external.get(message["_id"], {})
    return message_status(
        _recipient_status(channels, deliveries.get(who, ()), marks.get((conversation_id, who), Marks()), number)
        for who in message["to"]
    )


def _recipient_status(
    channels: Sequence[str], external: Sequence[DeliveryStatus], marks: Marks, number: int
) -> MessageStatus:
    """A channel that was asked for and has no delivery yet is waiting, so nothing has failed for good."""
    if INTERNAL in channels:
        return recipient_status([*external, marks.status_of(number)])
    return recipient_status(external if len(external) == len(channels) else [*external, "QUEUED"])
