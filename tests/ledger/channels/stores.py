"""Reads what became of a run's messages and deliveries out of MongoDB, directly."""

import json
from collections.abc import Mapping
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from tests.ledger.channels.books import Books
from tests.ledger.channels.evidence import Delivery, External, Stored

Database = AsyncDatabase[dict[str, Any]]


class Stores:
    """Use it as a context."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
            settings["PARLEY_MONGO"], serverSelectionTimeoutMS=20_000
        )
        self._database: Database = self._client[settings["PARLEY_MONGO_DATABASE"]]

    async def __aenter__(self) -> "Stores":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def count_texts(self, beginning: str) -> int:
        """How many messages say something that begins so."""
        return await self._database["messages"].count_documents({"payload.text": {"$regex": f"^{beginning}"}})

    async def under_way(self, books: Books) -> int:
        """Deliveries that are not sent, and messages whose deliveries are not opened."""
        of_run = {"conversation_id": {"$in": [group.conversation_id for group in books.groups]}}
        waiting = await self._database["deliveries"].count_documents({**of_run, "status": "QUEUED"})
        return waiting + await self._database["messages"].count_documents({**of_run, "opening": {"$exists": True}})

    async def messages(self, books: Books) -> list[Stored]:
        query = {"conversation_id": {"$in": [group.conversation_id for group in books.groups]}}
        return [_stored(d) async for d in self._database["messages"].find(query)]

    async def deliveries(self, books: Books) -> list[Delivery]:
        query = {"conversation_id": {"$in": [group.conversation_id for group in books.groups]}}
        return [_delivery(d) async for d in self._database["deliveries"].find(query)]


def _stored(document: Mapping[str, Any]) -> Stored:
    return Stored(
        document["_id"],
        document["conversation_id"],
        document["sequence_number"],
        document["from"],
        document["payload"].get("text", ""),
        "unsent_at" in document,
        _external(document.get("metadata")),
    )


def _external(metadata: str | None) -> External | None:
    inbound = json.loads(metadata).get("inbound") if metadata else None
    return (inbound["channel"], inbound["external_id"]) if inbound else None


def _delivery(document: Mapping[str, Any]) -> Delivery:
    return Delivery(
        document["message_id"],
        document["recipient"],
        document["channel"],
        document["status"],
        tuple(step["status"] for step in document["history"]),
        bool(document.get("uncertain")),
    )
