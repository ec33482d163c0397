"""Where files' documents stand: MongoDB's part of the service, each change on the condition that makes it safe."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pymongo import DESCENDING, ReturnDocument
from pymongo.errors import DuplicateKeyError

from libs.common.files import DELETED
from libs.common.mongo import Database, Document, answering
from services.files.domain.objects import COUNTED, WORKING

IS_THERE: Document = {"$ne": DELETED}


class FileStore:
    """Every method raises `Unavailable` when MongoDB does not answer. What is being deleted is not there any more."""

    def __init__(self, database: Database) -> None:
        self._files = database["files"]

    async def add(self, document: Document) -> None:
        with answering():
            await self._files.insert_one(document)

    async def add_arrived(self, document: Document) -> Document:
        """Of what arrives, by `arrived_as`, the first one stands; it is given back, whatever its status."""
        with answering():
            try:
                await self._files.insert_one(document)
            except DuplicateKeyError:
                standing = await self._files.find_one({"arrived_as": document["arrived_as"]})
                if standing is None:
                    raise
                return standing
        return document

    async def find_arrived(self, arrived_as: str) -> Document | None:
        """Also where it is being deleted."""
        with answering():
            return await self._files.find_one({"arrived_as": arrived_as})

    async def remove(self, file_id: str) -> None:
        with answering():
            await self._files.delete_one({"_id": file_id})

    async def find(self, file_id: str) -> Document | None:
        with answering():
            return await self._files.find_one({"_id": file_id, "status": IS_THERE})

    async def find_each(self, file_ids: Iterable[str]) -> dict[str, Document]:
        """By id; what is not there is missing."""
        with answering():
            found = self._files.find({"_id": {"$in": list(file_ids)}, "status": IS_THERE})
            return {document["_id"]: document async for document in found}

    async def page(self, owner: str, limit: int, before: str | None) -> list[Document]:
        """Newest first: ids sort by the time at which they were made."""
        query: Document = {"owner": owner, "status": IS_THERE}
        if before is not None:
            query["_id"] = {"$lt": before}
        with answering():
            return await self._files.find(query).sort("_id", DESCENDING).limit(limit).to_list()

    async def usage(self, owner: str) -> tuple[int, int]:
        """(bytes that count against the owner's quota, uploads under way)"""
        pipeline: list[Document] = [
            {"$match": {"owner": owner, "status": {"$in": list(COUNTED)}}},
            {"$group": {"_id": "$status", "bytes": {"$sum": "$size"}, "files": {"$sum": 1}}},
        ]
        with answering():
            rows = {row["_id"]: row async for row in await self._files.aggregate(pipeline)}
        return sum(row["bytes"] for row in rows.values()), rows.get("uploading", {}).get("files", 0)

    async def extend_upload(self, file_id: str, owner: str, expires_at: datetime) -> Document | None:
        """Notes until when a URL is good, before it is given out; None where nothing may be uploaded any more."""
        return await self._change(
            {"_id": file_id, "owner": owner, "status": "uploading"},
            {"$max": {"upload.expires_at": expires_at, "tidy_at": expires_at}},
        )

    async def begin(self, file_id: str, owner: str, claim: Mapping[str, Any], lease: Document) -> Document | None:
        """From uploading to verifying; None where somebody was quicker."""
        return await self._change(
            {"_id": file_id, "owner": owner, "status": "uploading"},
            {
                "$set": {"status": "verifying", "claim": claim, "lease": lease, "updated_at": lease["at"]},
                "$unset": {"tidy_at": ""},
            },
        )

    async def take_over(self, file_id: str, lease: Document) -> Document | None:
        """Work whose lease was given back or has run out; None where there is none, or somebody was quicker."""
        is_free: list[Document] = [{"lease.until": {"$lte": lease["at"]}}, {"lease.by": None}]
        query = {"_id": file_id, "status": {"$in": list(WORKING)}, "$or": is_free}
        return await self._change(query, {"$set": {"lease": lease}})

    async def give_back(self, file_id: str, by: str, until: datetime) -> None:
        """For whoever asks, and after `until` for whoever looks."""
        lease = {"by": None, "until": until}
        await self._change({"_id": file_id, "lease.by": by}, {"$set": {"lease": lease}})

    async def extend_lease(self, file_id: str, by: str, until: datetime) -> bool:
        """False where it is another's by now, or the file is gone."""
        query = {"_id": file_id, "lease.by": by, "status": {"$in": list(WORKING)}}
        return await self._change(query, {"$set": {"lease.until": until}}) is not None

    async def advance(self, file_id: str, by: str, fields: Mapping[str, Any]) -> Document | None:
        """What the holder of the lease has found out; None where it is another's by now."""
        return await self._change({"_id": file_id, "lease.by": by, "status": {"$in": list(WORKING)}}, {"$set": fields})

    async def note_fault(self, file_id: str, by: str) -> None:
        await self._change({"_id": file_id, "lease.by": by}, {"$inc": {"faults": 1}})

    async def note_copy(self, file_id: str, by: str, key: str) -> bool:
        """Before it is made, so that it is known whatever happens. False where the lease is another's by now."""
        query = {"_id": file_id, "lease.by": by, "status": "verifying"}
        return await self._change(query, {"$addToSet": {"copies": key}}) is not None

    async def finish(self, file_id: str, by: str, fields: Mapping[str, Any], at: datetime) -> Document | None:
        """The end of a file, to be told and tidied up after; None where the lease is another's by now."""
        return await self._change(
            {"_id": file_id, "lease.by": by, "status": {"$in": list(WORKING)}}, _ending(fields, at) | {"$unset": ENDED}
        )

    async def abandon(self, file_id: str, fields: Mapping[str, Any], at: datetime) -> Document | None:
        """The same for an upload that nobody completed; None where somebody just did."""
        return await self._change({"_id": file_id, "status": "uploading"}, _ending(fields, at))

    async def mark_deleted(self, file_id: str, owner: str, at: datetime) -> Document | None:
        return await self._change(
            {"_id": file_id, "owner": owner, "status": IS_THERE},
            {"$set": {"status": DELETED, "updated_at": at, "tidy_at": at}, "$unset": {**ENDED, "untold": ""}},
        )

    async def quarantined(self, limit: int) -> list[Document]:
        with answering():
            return await self._files.find({"status": "quarantined"}).sort("updated_at").limit(limit).to_list()

    async def note_release(self, file_id: str, key: str, tidy_at: datetime) -> Document | None:
        """Before it is copied to `key`, so that the copy is known whatever happens; None where it is not there."""
        change = {"$addToSet": {"copies": key}, "$set": {"tidy_at": tidy_at}}
        return await self._change({"_id": file_id, "status": "quarantined"}, change)

    async def release(self, file_id: str, key: str, scan: Mapping[str, Any], at: datetime) -> Document | None:
        """From quarantine to a file like others, to be told and tidied up after; None where it is there no more."""
        fields = {"status": "completed", "key": key, "error": None, "scan": dict(scan), "completed_at": at}
        return await self._change({"_id": file_id, "status": "quarantined"}, _ending(fields, at))

    async def told(self, file_id: str) -> None:
        with answering():
            await self._files.update_one({"_id": file_id}, {"$unset": {"untold": ""}})

    async def tidied(self, document: Document, again_at: datetime | None) -> None:
        """Until a URL is good no more, what it may bring has to be looked for again.

        Nothing where it came to another state meanwhile, which says for itself when it is looked at.
        """
        change = {"$set": {"tidy_at": again_at}} if again_at else {"$unset": {"tidy_at": ""}}
        with answering():
            await self._files.update_one({"_id": document["_id"], "tidy_at": document["tidy_at"]}, change)

    async def add_thumbnails(self, file_id: str, thumbnails: Sequence[Mapping[str, Any]]) -> bool:
        """`{width, height, content_type, size, key}` each. False where the file is gone: so must be their objects."""
        query = {"_id": file_id, "status": "completed"}
        return await self._change(query, {"$set": {"thumbnails": list(thumbnails)}}) is not None

    async def refuse_thumbnails(self, file_id: str, error: Mapping[str, str]) -> None:
        """`{code, detail}`: why there are none, and never will be."""
        await self._change({"_id": file_id, "status": "completed"}, {"$set": {"thumbnails_error": dict(error)}})

    async def without_lease(self, at: datetime, limit: int) -> list[Document]:
        return await self._some({"status": {"$in": list(WORKING)}, "lease.until": {"$lte": at}}, limit)

    async def untold(self, before: datetime, limit: int) -> list[Document]:
        """That came to their end before then: who ended them has had the time to tell."""
        return await self._some({"untold": True, "updated_at": {"$lte": before}}, limit)

    async def untidy(self, at: datetime, limit: int) -> list[Document]:
        return await self._some({"tidy_at": {"$lte": at}}, limit)

    async def abandoned(self, before: datetime, limit: int) -> list[Document]:
        return await self._some({"status": "uploading", "created_at": {"$lte": before}}, limit)

    async def _some(self, query: Document, limit: int) -> list[Document]:
        with answering():
            return await self._files.find(query).limit(limit).to_list()

    async def _change(self, query: Document, change: Document) -> Document | None:
        with answering():
            return await self._files.find_one_and_update(query, change, return_document=ReturnDocument.AFTER)


ENDED: Document = {"lease": "", "claim": ""}


def _ending(fields: Mapping[str, Any], at: datetime) -> Document:
    return {"$set": {**fields, "updated_at": at, "untold": True, "tidy_at": at}}
