"""The router's part of MongoDB for what platforms report of deliveries, also of those that are not known yet."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
from pymongo import ReturnDocument, UpdateOne

from libs.common.clock import now
from libs.common.events import DeliveryError, DeliveryStatus
from libs.common.mongo import Database, Document, answering
from libs.common.routing import Address
from services.router.inbound import External
from services.router.rising import Report

LOOKED_BACK = timedelta(days=30)
"""A report of a time says nothing of messages that are so much older."""
FIELDS = ("channel", "account", "external_ids")


class Reports:
    """A report that finds no delivery is kept for a week. Every method raises `Unavailable`."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._deliveries = database["deliveries"]
        self._reports = database["reports"]

    async def reported(self, externals: Collection[External]) -> dict[External, Document]:
        """The deliveries to which these external ids belong."""
        if not externals:
            return {}
        query = {"$or": [dict(zip(FIELDS, external, strict=True)) for external in externals]}
        with answering():
            return {
                (d["channel"], d["account"], external_id): d
                async for d in self._deliveries.find(query)
                for external_id in d["external_ids"]
            }

    async def sent_until(self, at: Address, up_to: datetime, status: DeliveryStatus) -> list[Document]:
        """Deliveries to the address that were begun by then and have not come as far."""
        channel, account, address = at
        with answering():
            return await self._deliveries.find(
                {
                    "channel": channel,
                    "account": account,
                    "address": address,
                    "sent_at": {"$gt": up_to - LOOKED_BACK, "$lte": up_to},
                    "status": {"$in": ["SENT", "FAILED", *(["DELIVERED"] if status == "READ" else [])]},
                }
            ).to_list()

    async def find(self, delivery: str) -> Document | None:
        with answering():
            return await self._deliveries.find_one({"_id": delivery})

    async def messages(self, message_ids: Collection[str]) -> list[Document]:
        with answering():
            return await self.database["messages"].find({"_id": {"$in": [*message_ids]}}).to_list()

    async def change(self, delivery: Document, change: Mapping[str, object]) -> Document | None:
        """None where somebody else has changed it since it was read."""
        as_read = {name: delivery.get(name) for name in ("status", "reported")}
        with answering():
            return await self._deliveries.find_one_and_update(
                {"_id": delivery["_id"], **as_read}, change, return_document=ReturnDocument.AFTER
            )

    async def keep(self, reports: Sequence[tuple[External, Report]]) -> None:
        """Until their delivery is known. The same report is kept once."""
        with answering():
            await self._reports.bulk_write(
                [UpdateOne({"_id": _key(*external, r.status)}, _kept(r), upsert=True) for external, r in reports],
                ordered=False,
            )

    async def keep_until(self, at: Address, up_to: datetime, status: DeliveryStatus) -> None:
        """Of an address, the latest time alone."""
        change = {"$max": {"up_to": up_to}, "$set": {"status": status, "at": up_to, "kept_at": now()}}
        with answering():
            await self._reports.update_one({"_id": _key(*at, f"until {status}")}, change, upsert=True)

    async def kept(self, delivery: Document) -> list[Report]:
        """What came of this delivery before it was known."""
        channel, account = delivery["channel"], delivery["account"]
        ids = {
            _key(channel, account, external_id, status): external_id
            for external_id in delivery.get("external_ids", ())
            for status in ("FAILED", "DELIVERED", "READ")
        }
        untils = [_key(channel, account, delivery["address"], f"until {status}") for status in ("DELIVERED", "READ")]
        with answering():
            found = await self._reports.find({"_id": {"$in": [*ids, *untils]}}).to_list()
        return [_report(d, ids.get(d["_id"])) for d in found if d["_id"] in ids or d["up_to"] >= delivery["sent_at"]]


def _key(channel: str, account: str, what: str, status: str) -> str:
    return f"{channel}/{account}/{what}:{status}"


def _kept(report: Report) -> Document:
    error = msgspec.to_builtins(report.error) if report.error else None
    return {"$set": {"status": report.status, "at": report.at, "error": error, "kept_at": now()}}


def _report(kept: Document, external_id: str | None) -> Report:
    error = msgspec.convert(kept.get("error"), DeliveryError | None)
    return Report(kept["status"], kept["at"], external_id, error)
