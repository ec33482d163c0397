"""What is known of each address at each account: when it wrote last, when it was reached last, whether it can be."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from libs.common.clock import now
from libs.common.contacts import contact_id, read_contacts
from libs.common.mongo import DUPLICATE_KEY, Database, Document, answering
from libs.common.routing import Address, Contact


class Contacts:
    """Each may be noted twice, in any order: the newest word holds. Every method raises `Unavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._contacts = database["contacts"]

    async def of(self, addresses: Collection[Address]) -> dict[Address, Contact]:
        return await read_contacts(self._database, addresses)

    async def note_written(self, written: Mapping[Address, datetime]) -> None:
        """They wrote to us then, so they can be reached; whatever the platform's clock says, not later than now."""
        updates: list[UpdateOne] = []
        for address, at in written.items():
            updates.append(UpdateOne({"_id": contact_id(address)}, {"$max": {"wrote_at": min(at, now())}}, upsert=True))
            updates.append(UpdateOne(*_reach(address, None, at), upsert=True))
        await self._write(updates)

    async def note_reached(self, address: Address, at: datetime) -> None:
        """A message of ours arrived there."""
        with answering():
            await self._contacts.update_one({"_id": contact_id(address)}, {"$max": {"reached_at": at}}, upsert=True)

    async def note_moved(self, address: Address, to: str) -> None:
        """They are written to there from now on, whoever has mapped `address`: so their platform says."""
        with answering():
            await self._contacts.update_one({"_id": contact_id(address)}, {"$set": {"moved_to": to}}, upsert=True)

    async def note_closed(self, address: Address, opened_at: datetime) -> None:
        """Their platform says that the window which their message of that time opened is closed."""
        with answering():
            await self._contacts.update_one({"_id": contact_id(address)}, {"$max": {"closed_for": opened_at}})

    async def note_reach(self, address: Address, refusal: str | None, at: datetime) -> None:
        """`refusal`: why they cannot be reached from then on, as their platform would say; None: they can."""
        with answering():
            try:
                await self._contacts.update_one(*_reach(address, refusal, at), upsert=True)
            except DuplicateKeyError:  # it knows something newer
                return

    async def _write(self, updates: Sequence[UpdateOne]) -> None:
        if not updates:
            return
        try:
            with answering():
                await self._contacts.bulk_write(updates, ordered=False)
        except BulkWriteError as error:
            errors: list[dict[str, Any]] = error.details["writeErrors"]
            if any(e["code"] != DUPLICATE_KEY for e in errors):
                raise


def _reach(address: Address, refusal: str | None, at: datetime) -> tuple[Document, Document]:
    newest = {"_id": contact_id(address), "reach.at": {"$not": {"$gt": at}}}
    return newest, {"$set": {"reach": {"refusal": refusal, "at": at}}}
