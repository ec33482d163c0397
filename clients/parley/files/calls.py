"""The HTTP calls about files, one method a call."""

from collections.abc import Sequence
from urllib.parse import quote

from clients.parley.calls import Calls
from clients.parley.files.objects import FilePage, Initiated, SignedAgain, StoredFile, StoredParts

COMPLETE_S = 45.0  # the server answers within 20 s, however long it takes to verify


class FileCalls:
    """What the library asks the gateway; bytes go elsewhere."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def initiate(
        self, filename: str, size: int, content_type: str, conversation_id: str | None = None
    ) -> Initiated:
        """Never repeated: each call makes another file, which counts for the quota until it is swept."""
        body = {
            "filename": filename,
            "size": size,
            "content_type": content_type,
            "conversation_id": conversation_id,
        }
        return await self._calls.ask(Initiated, "POST", "/v1/files/initiate", body, repeatable=False)

    async def sign(self, file_id: str, part_numbers: Sequence[int] | None) -> SignedAgain:
        """Fresh URLs for up to 100 parts, or for an upload that has none."""
        body = {} if part_numbers is None else {"part_numbers": list(part_numbers)}
        return await self._calls.ask(SignedAgain, "POST", f"{_path(file_id)}/parts", body)

    async def parts(self, file_id: str) -> StoredParts:
        return await self._calls.ask(StoredParts, "GET", f"{_path(file_id)}/parts")

    async def complete(self, file_id: str, sha256: str, etags: dict[int, str] | None) -> None:
        """Says that everything is there; 422 where the stored bytes are others. Saying it twice is saying it once."""
        parts = None if etags is None else [{"part_number": n, "etag": etags[n]} for n in sorted(etags)]
        body = {"file_id": file_id, "sha256": sha256, "parts": parts}
        await self._calls.ask(None, "POST", "/v1/files/complete", body, deadline_s=COMPLETE_S)

    async def get(self, file_id: str) -> StoredFile:
        return await self._calls.ask(StoredFile, "GET", _path(file_id))

    async def page(self, limit: int, cursor: str | None) -> FilePage:
        query: dict[str, str | int] = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        return await self._calls.ask(FilePage, "GET", "/v1/files", query=query)

    async def delete(self, file_id: str) -> None:
        await self._calls.ask(None, "DELETE", _path(file_id))


def _path(file_id: str) -> str:
    return f"/v1/files/{quote(file_id, safe='')}"
