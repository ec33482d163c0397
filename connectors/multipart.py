"""One file and some fields as a multipart form that is written while it is sent (RFC 7578)."""

import secrets
from collections.abc import AsyncIterator, Mapping

from connectors.sdk import OutboundFile, Unreachable

ESCAPES = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


class Form:
    """Its length is known beforehand, from `file.size`; never more than a piece of the file is held.

    A file of another size raises `Unreachable` before the form is whole, so that nobody takes it.
    """

    def __init__(self, fields: Mapping[str, str], name: str, file: OutboundFile, content: AsyncIterator[bytes]) -> None:
        boundary = secrets.token_hex(16)
        self._before = b"".join(_field(boundary, *each) for each in fields.items()) + _opening(boundary, name, file)
        self._after = f"\r\n--{boundary}--\r\n".encode()
        self._content = content
        self._size = file.size
        self.headers = {
            "content-type": f"multipart/form-data; boundary={boundary}",
            "content-length": str(len(self._before) + file.size + len(self._after)),
        }

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._before
        left = self._size
        async for piece in self._content:
            if (left := left - len(piece)) < 0:
                break
            yield piece
        if left:
            raise Unreachable("the file is not as long as it was said to be", uncertain=False)
        yield self._after


def _field(boundary: str, name: str, value: str) -> bytes:
    return f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()


def _opening(boundary: str, name: str, file: OutboundFile) -> bytes:
    filename, content_type = file.filename.translate(ESCAPES), file.content_type.translate(ESCAPES)
    disposition = f'form-data; name="{name}"; filename="{filename}"'
    return f"--{boundary}\r\nContent-Disposition: {disposition}\r\nContent-Type: {content_type}\r\n\r\n".encode()
