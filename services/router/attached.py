"""What a file that arrived becomes: a file message, or a text that says why not. Pure."""

from typing import NamedTuple

from connectors import sdk
from libs.common.events import MAX_CAPTION, MAX_TEXT, AttachedFile, Payload, SentFile, Text
from services.router.inbound import MAX_NAME, shortened, to_payload

MAX_FILENAME = 1024
UNNAMED = "file"
UNTOLD = "it could not be taken over"
REASONS = {
    "too_large": "it is too large to be taken over",
    "empty": "it is empty",
    "not_found": "the platform does not have it any more",
    "content_type_not_allowed": "files of this type are not taken",
    "quota_exceeded": "there is no room left for files of its sender",
    "file_infected": "a scanner found something in it, and nobody gets it",
    "scan_refused": "it could not be scanned",
    "platform_unreachable": "the platform did not hand it out in time",
    "storage_unavailable": "it could not be stored in time",
}
"""Why a file arrives as a text, for people."""


class Unkept(Exception):
    """It never becomes a file here; `code` is stable."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Coming(NamedTuple):
    """A file of `size` bytes that `owner` has sent into a conversation; `arrived_as` tells a repetition."""

    arrived_as: str
    owner: str
    conversation_id: str
    filename: str
    content_type: str
    size: int
    sha256: str


class Kept(NamedTuple):
    file_id: str
    file: AttachedFile


def kept(content: sdk.Attachment, file_id: str, file: AttachedFile) -> SentFile:
    """A file that is ours by now."""
    caption = shortened(content.caption, MAX_CAPTION) if content.caption else None
    return SentFile(file_id=file_id, caption=caption, file=file)


def not_kept(content: sdk.Attachment, code: str) -> Text:
    """In place of a file that nobody gets here: its name, and why."""
    named = shortened(content.filename, MAX_NAME)
    said = f"[{named}: {REASONS.get(code, UNTOLD)}]\n{content.caption or ''}"
    return Text(shortened(said.strip(), MAX_TEXT))


def edited(stored: Payload, content: sdk.Content) -> Payload | None:
    """What a message says after an edit; None where that brings another file, which has to be fetched."""
    if not isinstance(content, sdk.Attachment):
        return to_payload(content)
    if not isinstance(stored, SentFile) or content.size not in (None, stored.file.size):
        return None
    return kept(content, stored.file_id, stored.file)
