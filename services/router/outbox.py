"""The router's part of MongoDB for deliveries that are on their way to a platform."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from libs.common.clock import now
from libs.common.deliveries import delivery_id
from libs.common.events import DeliveryError
from libs.common.mongo import Database, Document, answering
from services.router.retrying import Attempts, Parked


class Outbox:
    """Each change is made on the condition that makes it safe; every method raises `Unavailable`."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._deliveries = database["deliveries"]

    async def find(self, delivery: str) -> Document | None:
        with answering():
            return await self._deliveries.find_one({"_id": delivery})

    async def begin(self, delivery: Document, until: datetime, **more: Any) -> Document | None:
        """Marks it as under way, before the platform is called; None where somebody else was quicker. `more` is kept.

        What was under way until now had no known end: `uncertain` says so from here on, and it counts.
        """
        before = delivery.get("in_flight_until")
        changes: Document = {"$set": {"in_flight_until": until, **more}}
        if before is not None:
            changes["$set"]["uncertain"] = True
            changes["$inc"] = {"attempts": 1, "unknown": 1}
        still = {"status": "QUEUED", "in_flight_until": before, "not_needed": None}
        return await self._change({"_id": delivery["_id"], **still}, changes)

    async def note_piece(
        self, delivery: str, external_ids: Sequence[str], until: datetime, began: datetime, of: int, **more: Any
    ) -> None:
        """A piece of it is there, `of` so many: whatever happens, it is not sent again. `more` is kept.

        `began`: when its call did, which is before the time that the platform gives it.
        """
        place: Document = {"$set": {"in_flight_until": until, "of_pieces": of, **more}, "$inc": {"pieces": 1}}
        named = {"$set": {**place["$set"], "sent_at": began}, "$push": {"external_ids": {"$each": list(external_ids)}}}
        try:
            await self._change({"_id": delivery}, place | named)
        except DuplicateKeyError:
            await self._change({"_id": delivery}, place)

    async def end_attempt(
        self, delivery: str, error: DeliveryError | None, *, counted: bool, uncertain: bool, unknown: bool = False
    ) -> Attempts:
        """It failed and may be tried again; `unknown`: the platform may have done it."""
        said = {"error": msgspec.to_builtins(error)} if error else {}
        changes: Document = {
            "$unset": {"in_flight_until": 1},
            "$inc": {"attempts": int(counted), "unknown": int(unknown)},
            "$set": {"updated_at": now(), **said, **({"uncertain": True} if uncertain else {})},
        }
        changed = await self._change({"_id": delivery, "status": "QUEUED"}, changes)
        return Attempts(changed["attempts"], changed["unknown"]) if changed else Attempts(0, 0)

    async def cancel(self, delivery: str, error: DeliveryError) -> None:
        """FAILED, where nothing of it is sent; what is under way comes to its end, and is not tried again."""
        unsent = {"_id": delivery, "status": "QUEUED", "pieces": None}
        if not await self._end({**unsent, "in_flight_until": None}, "FAILED", error):
            await self._change(unsent, {"$set": {"not_needed": True}})

    async def end(self, delivery: str, status: str, error: DeliveryError | None, **more: Any) -> None:
        """SENT or FAILED, once; `more` is set beside it."""
        await self._end({"_id": delivery, "status": "QUEUED"}, status, error, **more)

    async def _end(self, query: Document, status: str, error: DeliveryError | None, **more: Any) -> Document | None:
        at = now()
        fields = {"status": status, "updated_at": at, "error": msgspec.to_builtins(error), **more}
        changes: Document = {
            "$set": fields,
            "$unset": {"in_flight_until": 1, "due_at": 1},
            "$push": {"history": {"status": status, "at": at}},
            "$inc": {"attempts": 1 if status == "SENT" else 0},
        }
        return await self._change(query, changes)

    async def reopen(self, delivery: str) -> None:
        """An operator replays it: it begins anew, and its history shows that."""
        at = now()
        changes: Document = {
            "$set": {"status": "QUEUED", "attempts": 0, "unknown": 0, "error": None, "updated_at": at},
            "$push": {"history": {"status": "QUEUED", "at": at}},
        }
        await self._change({"_id": delivery, "status": "FAILED"}, changes)

    async def park(self, delivery: str, parked: Parked, due_at: datetime) -> None:
        """One that is parked keeps its place."""
        fresh = {"_id": delivery, "parked": {"$exists": False}}
        await self._change(fresh, {"$set": {"parked": parked._asdict(), "due_at": due_at}})

    async def postpone(self, delivery: str, due_at: datetime) -> None:
        await self._change({"_id": delivery}, {"$set": {"due_at": due_at}})

    async def unpark(self, delivery: str) -> None:
        await self._change({"_id": delivery}, {"$unset": {"parked": 1, "due_at": 1}})

    async def first_parked(self, lane: str) -> Document | None:
        with answering():
            return await self._deliveries.find_one(
                {"parked.lane": lane, "parked": {"$exists": True}}, sort=[("parked.place", 1)]
            )

    async def left_behind(
        self, accounts: Collection[tuple[str, str]], since: datetime, limit: int
    ) -> list[tuple[Document, Document]]:
        """Messages and their deliveries that nobody carries: of none of these accounts, and untouched since then."""
        theirs = [{"channel": channel, "account": account} for channel, account in accounts]
        query: Document = {"status": "QUEUED", "updated_at": {"$lte": since}, "parked": None, "notice_until": None}
        of_none: Document = {"$nor": theirs} if theirs else {}
        with answering():
            found = await self._deliveries.find({**query, **of_none}).sort("updated_at", 1).limit(limit).to_list()
            query = {"_id": {"$in": [d["message_id"] for d in found]}}
            messages = {m["_id"]: m async for m in self.database["messages"].find(query)}
        return [(messages[d["message_id"]], d) for d in found if d["message_id"] in messages]

    async def has_parked(self, lane: str) -> bool:
        with answering():
            return await self.database["lanes"].find_one({"_id": lane}, {"_id": 1}) is not None

    async def message(self, message_id: str) -> Document | None:
        with answering():
            return await self.database["messages"].find_one({"_id": message_id})

    async def file(self, file_id: str) -> Document | None:
        """One whose bytes are there."""
        with answering():
            return await self.database["files"].find_one({"_id": file_id, "status": "completed"})

    async def external_id(self, message_id: str, recipient: str, channel: str, account: str) -> str | None:
        """What the platform calls this message, where it went to the same recipient, or came, by the same account."""
        found = await self.find(delivery_id(message_id, recipient, channel))
        if found and found.get("account") == account and found.get("external_ids"):
            return str(found["external_ids"][0])
        with answering():
            arrived = await self.database["arrivals"].find_one({"_id": message_id})
        is_theirs = arrived and (arrived["channel"], arrived["account"]) == (channel, account)
        return str(arrived["external_id"]) if arrived and is_theirs else None

    async def _change(self, query: Document, changes: Document) -> Document | None:
        with answering():
            return await self._deliveries.find_one_and_update(query, changes, return_document=ReturnDocument.AFTER)
