"""What the log of receipts says: how far each member has got, and when a message was delivered to and read by each.

The log (`receipts`) is the truth and is written by the router; `watermarks` are its summary, up to a second behind.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from libs.common.events import ReceiptStatus
from libs.common.marks import Marks, Member
from libs.common.mongo import Database, Document, answering

BRANCHES = 200  # of one `$or`
STATUSES: tuple[ReceiptStatus, ...] = ("DELIVERED", "READ")


def watermark_id(member: Member) -> str:
    return ":".join(member)


async def read_marks(database: Database, members: Iterable[Member]) -> dict[Member, Marks]:
    """The exact marks of each, (0, 0) where there are none. Raises `Unavailable`."""
    marks = {member: Marks() for member in members}
    by_id = {watermark_id(member): member for member in marks}
    with answering():
        async for document in database["watermarks"].find({"_id": {"$in": list(by_id)}}):
            marks[by_id[document["_id"]]] = Marks(document["delivered"], document["read"])
        branches = [
            {"conversation_id": c, "username": u, "status": s, "to_number": {"$gt": number}}
            for (c, u), known in marks.items()
            for s, number in zip(STATUSES, known, strict=True)
        ]
        for start in range(0, len(branches), BRANCHES):
            async for r in database["receipts"].find({"$or": branches[start : start + BRANCHES]}):
                member = (r["conversation_id"], r["username"])
                marks[member] = marks[member].advanced(r["status"], r["to_number"])
    return marks


async def read_times(
    database: Database, conversation_id: str, usernames: Sequence[str], number: int
) -> dict[tuple[str, ReceiptStatus], datetime]:
    """(username, status) → when the message of this number got it; missing where it has not. Raises `Unavailable`."""
    first_at_or_beyond: list[Document] = [
        {
            "$match": {
                "conversation_id": conversation_id,
                "to_number": {"$gte": number},
                "$expr": {"$and": [{"$eq": ["$username", "$$u"]}, {"$eq": ["$status", "$$s"]}]},
            }
        },
        {"$sort": {"to_number": 1}},
        {"$limit": 1},
    ]
    pipeline: list[Document] = [
        {"$documents": [{"u": u, "s": s} for u in usernames for s in STATUSES]},
        {
            "$lookup": {
                "from": "receipts",
                "let": {"u": "$u", "s": "$s"},
                "pipeline": first_at_or_beyond,
                "as": "found",
            }
        },
    ]
    times: dict[tuple[str, ReceiptStatus], datetime] = {}
    with answering():
        async for row in await database.aggregate(pipeline):
            if row["found"] and row["found"][0]["from_number"] <= number:
                times[row["u"], row["s"]] = row["found"][0]["at"]
    return times
