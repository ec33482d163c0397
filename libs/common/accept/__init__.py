"""The rules of acceptance: what a message must be, who may send it, and when it counts as accepted."""

from libs.common.accept.acceptor import MAX_IN_FLIGHT, Acceptor
from libs.common.accept.batch import BatchAcceptor, Outcome
from libs.common.accept.body import (
    MAX_BATCH,
    MAX_BATCH_BODY,
    MAX_BODY,
    MAX_DEPTH,
    MAX_INT64,
    MAX_METADATA,
    Batch,
    Body,
    SaidPayload,
    check_text,
    cursor_id,
    known_id,
    parse_batch,
    parse_body,
    parse_channels,
    parse_json,
    parse_metadata,
    parse_payload,
    parse_uuid,
    resolve_recipients,
)
from libs.common.accept.draft import Accepted
from libs.common.accept.recent import RecentIds
from libs.common.events import MAX_TEXT

__all__ = [
    "MAX_BATCH",
    "MAX_BATCH_BODY",
    "MAX_BODY",
    "MAX_DEPTH",
    "MAX_INT64",
    "MAX_IN_FLIGHT",
    "MAX_METADATA",
    "MAX_TEXT",
    "Accepted",
    "Acceptor",
    "Batch",
    "BatchAcceptor",
    "Body",
    "Outcome",
    "RecentIds",
    "SaidPayload",
    "check_text",
    "cursor_id",
    "known_id",
    "parse_batch",
    "parse_body",
    "parse_channels",
    "parse_json",
    "parse_metadata",
    "parse_payload",
    "parse_uuid",
    "resolve_recipients",
]
