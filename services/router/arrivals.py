"""Which conversation each inbound message went to: decided once, and kept, however often the message comes."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from pymongo.errors import BulkWriteError

from libs.common.clock import now
from libs.common.mongo import DUPLICATE_KEY, Database, Document, answering
from libs.common.routing import Address
from services.router.inbound import Arrival, External, Place, Sent

OF_A_CONVERSATION = {"conversation_id": {"$ne": ""}}
"""A notice is a delivery of none."""


class Arrivals:
    """Every method raises `Unavailable` when MongoDB does not answer."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._arrivals = database["arrivals"]
        self._deliveries = database["deliveries"]
        self._taken_back = database["taken_back"]

    async def known(self, message_ids: Collection[str]) -> dict[str, Place]:
        with answering():
            found = self._arrivals.find({"_id": {"$in": [*message_ids]}}, {"conversation_id": 1, "from": 1})
            return {d["_id"]: _place(d) async for d in found}

    async def take_back(self, message_id: str) -> None:
        """Whatever comes of it from now on is not for us, also where it has not come so far."""
        with answering():
            await self._taken_back.update_one({"_id": message_id}, {"$set": {"at": now()}}, upsert=True)

    async def taken_back(self, message_ids: Collection[str]) -> set[str]:
        """Of these those that their senders took back."""
        with answering():
            return {d["_id"] async for d in self._taken_back.find({"_id": {"$in": [*message_ids]}}, {"_id": 1})}

    async def sent(self, externals: Collection[External]) -> dict[External, Sent]:
        """Those of these external ids that are messages of ours."""
        if not externals:
            return {}
        wanted = [dict(zip(("channel", "account", "external_ids"), e, strict=True)) for e in externals]
        query = {"$or": wanted, **OF_A_CONVERSATION}
        shown = {"channel": 1, "account": 1, "external_ids": 1, "message_id": 1, "conversation_id": 1}
        with answering():
            return {
                (d["channel"], d["account"], external_id): Sent(d["message_id"], d["conversation_id"])
                async for d in self._deliveries.find(query, shown)
                for external_id in d["external_ids"]
            }

    async def latest(self, at: Address) -> list[str]:
        """The conversation whose message reached this address last, then the one where its own last message went."""
        query = dict(zip(("channel", "account", "address"), at, strict=True))
        reached = {**query, "sent_at": {"$exists": True}, **OF_A_CONVERSATION}
        with answering():
            last_sent = await self._deliveries.find_one(reached, {"conversation_id": 1}, sort=[("sent_at", -1)])
            last_said = await self._arrivals.find_one(query, {"conversation_id": 1}, sort=[("at", -1)])
        return [found["conversation_id"] for found in (last_sent, last_said) if found]

    async def keep(self, arrivals: Sequence[Arrival]) -> dict[str, Place]:
        """Where they belong for good: what was decided before holds."""
        documents = [_document(a) for a in arrivals]
        if not documents:
            return {}
        try:
            with answering():
                await self._arrivals.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            errors: list[dict[str, Any]] = error.details["writeErrors"]
            if any(e["code"] != DUPLICATE_KEY for e in errors):
                raise
            return await self.known([a.message_id for a in arrivals])
        return {a.message_id: a.place for a in arrivals}


def _document(arrival: Arrival) -> Document:
    channel, account, address = arrival.at_address
    return {
        "_id": arrival.message_id,
        "channel": channel,
        "account": account,
        "address": address,
        "external_id": arrival.external_id,
        "conversation_id": arrival.place.conversation_id,
        "from": arrival.place.sender,
        "at": datetime.fromisoformat(arrival.at),
    }


def _place(document: Document) -> Place:
    return Place(document["conversation_id"], document["from"])
