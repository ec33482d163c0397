"""What the reports of a platform make of a delivery: it only rises, and has what all of its pieces have. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from connectors.sdk import Reported
from libs.common.events import DeliveryError, DeliveryStatus
from libs.common.marks import RANKS

NOT_SAID = DeliveryError("failed", "The platform reports that it could not be delivered.")


@dataclass(frozen=True, slots=True)
class Report:
    """`external_id` None: of every piece that the delivery has."""

    status: DeliveryStatus
    at: datetime
    external_id: str | None = None
    error: DeliveryError | None = None


def error_of(reported: Reported) -> DeliveryError | None:
    if reported.status != "FAILED":
        return None
    return DeliveryError(reported.code or NOT_SAID.code, reported.detail or NOT_SAID.detail)


def says_something(status: DeliveryStatus) -> bool:
    """That it is sent is known of everything that has an external id."""
    return RANKS[status] > RANKS["SENT"]


def amounts_to(
    external_ids: Iterable[str], pieces: Mapping[str, DeliveryStatus], *, are_all: bool = True
) -> DeliveryStatus:
    """What every piece has; FAILED while there is one that has. One that was never sent has arrived nowhere."""
    statuses = {pieces.get(piece, "SENT") for piece in external_ids}
    if "FAILED" in statuses:
        return "FAILED"
    if not are_all:
        return "SENT"
    return min(statuses, key=RANKS.__getitem__, default="SENT")


def raised(delivery: Mapping[str, Any], reports: Iterable[Report]) -> dict[str, Any] | None:
    """How its document changes; None where it does not: what is said twice, or late, changes nothing."""
    before: dict[str, DeliveryStatus] = {r["external_id"]: r["status"] for r in delivery.get("reported", ())}
    pieces, external_ids, last = dict(before), delivery.get("external_ids", ()), None
    for report in reports:
        for piece in external_ids if report.external_id is None else (report.external_id,):
            if piece in external_ids and RANKS[report.status] > RANKS[pieces.get(piece, "SENT")]:
                pieces[piece], last = report.status, report
    if last is None:
        return None
    change: dict[str, Any] = {"$set": {"reported": [{"external_id": e, "status": s} for e, s in pieces.items()]}}
    sent: int = delivery.get("pieces", 0)
    status = amounts_to(external_ids, pieces, are_all=sent >= delivery.get("of_pieces", sent))
    if RANKS[status] > RANKS[delivery["status"]]:
        at = max([last.at, *(step["at"] for step in delivery["history"][-1:])])
        error = msgspec.to_builtins(last.error) if status == "FAILED" else None
        change["$set"] |= {"status": status, "updated_at": at, "error": error}
        change["$push"] = {"history": {"status": status, "at": at}}
    return change
