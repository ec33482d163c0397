"""Where a file's bytes may lie, and which of these places must be empty."""

from collections.abc import Mapping
from typing import Any, Literal

Status = Literal["uploading", "verifying", "scanning", "completed", "failed", "quarantined"]
WORKING = ("verifying", "scanning")
FINAL = ("completed", "failed", "quarantined")
COUNTED = ("uploading", *WORKING, "completed", "quarantined")
"""What takes room of its owner's quota."""


def staging_key(file_id: str, secret: str) -> str:
    """Where a client puts what comes in one piece; `secret`, so that who knows the file does not know its place.

    Some stores let any signed PUT copy from a place that can be named, by a header that the signature does not bind.
    """
    return f"staging/{file_id}/{secret}"


def copy_key(file_id: str, attempt: str) -> str:
    """A copy of each attempt's own: one that lost its lease and wakes up late overwrites nothing that was verified."""
    return f"files/{file_id}/{attempt}"


def multipart_key(file_id: str, secret: str) -> str:
    return f"files/{file_id}/{secret}"


def quarantine_key(file_id: str) -> str:
    return f"quarantine/{file_id}"


def thumbnail_key(file_id: str, side: int) -> str:
    """Of the one that fits into a square of `side` pixels."""
    return f"thumbnails/{file_id}/{side}"


def debris(document: Mapping[str, Any]) -> list[str]:
    """The keys at which nothing may be left, now that the file has come to its end; the same whenever it is asked."""
    file_id, upload = document["_id"], document["upload"]
    kept = {document.get("key")} if document["status"] in ("completed", "quarantined") else set()
    keys = [upload["key"], *document["copies"], quarantine_key(file_id)]
    if document["status"] != "completed":
        keys += [thumbnail["key"] for thumbnail in document["thumbnails"]]
    return [key for key in dict.fromkeys(keys) if key not in kept]
