"""Whether a verified file is clean: nobody has it before a scanner says so, and what is infected is kept away."""

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from libs.common.clock import now
from libs.common.errors import Problem
from libs.common.mongo import Document
from services.files.domain.objects import quarantine_key
from services.files.scanners import Scanner, ScanRefused, Verdict

if TYPE_CHECKING:
    from libs.common.storage import Storage


async def scan(document: Document, scanner: Scanner, storage: "Storage") -> dict[str, Any]:
    """The end that the file comes to. Raises `Problem` where it will never be known to be clean."""
    try:
        async with aclosing(storage.read_object(document["key"])) as chunks:
            verdict = await scanner.scan(chunks, document["size"])
    except ScanRefused as refusal:
        raise Problem(422, "scan_refused", refusal.detail) from refusal
    said = _said(scanner, verdict)
    if verdict.clean:
        return {"status": "completed", "completed_at": now(), "scan": said}
    key = quarantine_key(document["_id"])
    await storage.copy(document["key"], key, document["content_type"])
    error = {"code": "file_infected", "detail": "The scanner found something in it; nobody gets it."}
    return {"status": "quarantined", "key": key, "scan": said, "error": error}


def _said(scanner: Scanner, verdict: Verdict) -> dict[str, Any]:
    said = {"scanner": scanner.name, "verdict": "clean" if verdict.clean else "infected", "at": now()}
    return said | ({"signature": verdict.signature} if verdict.signature else {})
