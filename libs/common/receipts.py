"""What the log of receipts says: how far each member has got, and when a message was delivered to and read by each.

The log (`receipts`) is the truth and is written by the router; `watermarks` are its summary, up to a second behind.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from libs.common.events import ReceiptStatus
from libs.common.marks import Marks, Member
from libs.common.mongo import Database, Document, answering

BRANCHES = 200  # of one `$or`
MANY = 16  # members of a conversation; from here on one walk over all of its members is cheaper than a look for each
AT_ONCE = 1_000  # rows of one answer: a group's come without a second round trip
STATUSES: tuple[ReceiptStatus, ...] = ("DELIVERED", "READ")


def watermark_id(member: Member) -> str:
    return ":".join(member)


async def read_marks(database: Database, members: Iterable[Member]) -> dict[Member, Marks]:
    """The exact marks of each, (0, 0) where there are none. Raises `Unavailable`."""
    marks = {member: Marks() for member in members}
    sizes = Counter(conversation_id for conversation_id, _ in marks)
    with answering():
        for conversation_id in (c for c, size in sizes.items() if size >= MANY):
            await _add_last_of_all(database, conversation_id, marks)
        await _add_each(database, [m for m in marks if sizes[m[0]] < MANY], marks)
    return marks


async def _add_last_of_all(database: Database, conversation_id: str, marks: dict[Member, Marks]) -> None:
    """The last entry of every member, of the log alone: the index is walked backwards, from member to member."""
    for status in STATUSES:
        pipeline: list[Document] = [
            {"$match": {"conversation_id": conversation_id, "status": status}},
            {"$sort": {"conversation_id": -1, "status": -1, "username": -1, "from_number": -1}},
            {"$group": {"_id": "$username", "number": {"$first": "$to_number"}}},
        ]
        async for row in await database["receipts"].aggregate(pipeline, batchSize=AT_ONCE):
            member = (conversation_id, row["_id"])
            if member in marks:
                marks[member] = marks[member].advanced(status, row["number"])


async def _add_each(database: Database, members: Sequence[Member], marks: dict[Member, Marks]) -> None:
    """The summary, and what the log has beyond it."""
    by_id = {watermark_id(member): member for member in members}
    async for document in database["watermarks"].find({"_id": {"$in": list(by_id)}}):
        marks[by_id[document["_id"]]] = Marks(document["delivered"], document["read"])
    branches = [
        {"conversation_id": c, "username": u, "status": s, "from_number": {"$gt": number}}
        for c, u in members
        for s, number in zip(STATUSES, marks[c, u], strict=True)
    ]
    for start in range(0, len(branches), BRANCHES):
        async for r in database["receipts"].find({"$or": branches[start : start + BRANCHES]}):
            member = (r["conversation_id"], r["username"])
            marks[member] = marks[member].advanced(r["status"], r["to_number"])


async def read_times(
    database: Database, conversation_id: str, usernames: Sequence[str], number: int
) -> dict[tuple[str, ReceiptStatus], datetime]:
    """(username, status) → when the message of this number got it; missing where it has not. Raises `Unavailable`."""
    with answering():
        if len(usernames) < MANY:
            found = await _last_of_each(database, conversation_id, usernames, number)
        else:
            found = await _last_of_all(database, conversation_id, number)
    asked = set(usernames)
    return {(d["username"], d["status"]): d["at"] for d in found if d["to_number"] >= number and d["username"] in asked}


async def _last_of_all(database: Database, conversation_id: str, number: int) -> list[Document]:
    """The last step of every member that begins at the number or before it, by the same walk."""
    found: list[Document] = []
    for status in STATUSES:
        pipeline: list[Document] = [
            {"$match": {"conversation_id": conversation_id, "status": status, "from_number": {"$lte": number}}},
            {"$sort": {"conversation_id": -1, "status": -1, "username": -1, "from_number": -1}},
            {"$group": {"_id": "$username", "entry": {"$first": "$$ROOT"}}},
        ]
        found += [row["entry"] async for row in await database["receipts"].aggregate(pipeline, batchSize=AT_ONCE)]
    return found


async def _last_of_each(
    database: Database, conversation_id: str, usernames: Sequence[str], number: int
) -> list[Document]:
    last_that_begins_so_far: list[Document] = [
        {
            "$match": {
                "conversation_id": conversation_id,
                "from_number": {"$lte": number},
                "$expr": {"$and": [{"$eq": ["$username", "$$u"]}, {"$eq": ["$status", "$$s"]}]},
            }
        },
        {"$sort": {"from_number": -1}},
        {"$limit": 1},
    ]
    pipeline: list[Document] = [
        {"$documents": [{"u": u, "s": s} for u in usernames for s in STATUSES]},
        {
            "$lookup": {
                "from": "receipts",
                "let": {"u": "$u", "s": "$s"},
                "pipeline": last_that_begins_so_far,
                "as": "found",
            }
        },
    ]
    return [row["found"][0] async for row in await database.aggregate(pipeline) if row["found"]]
