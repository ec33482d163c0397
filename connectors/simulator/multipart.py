"""Reads multipart/form-data (RFC 7578) piece by piece, so that no file is ever held in memory."""

import re
from collections.abc import Callable
from email.message import Message
from typing import Literal, NamedTuple, Protocol

MOST_HEADERS = 8_192
Write = Callable[[bytes], object]


class Malformed(Exception):
    """This is not what its content type says."""


class Part(NamedTuple):
    """`filename` is None for a plain field."""

    name: str
    filename: str | None
    content_type: str


class Open(Protocol):
    """Called at the head of each part; its body goes to what this returns."""

    def __call__(self, part: Part) -> Write: ...


class Reader:
    """`feed` takes the body as it comes, in pieces of any size; `finish` tells whether it was whole."""

    def __init__(self, content_type: str, open_part: Open) -> None:
        self._delimiter = b"\r\n--" + _boundary(content_type)
        self._open = open_part
        self._buffer = b"\r\n"  # so that the first delimiter is like all others
        self._write: Write = lambda _: None
        self._state: Literal["body", "head", "end"] = "body"

    def feed(self, data: bytes) -> None:
        self._buffer += data
        while self._step():
            pass

    def finish(self) -> None:
        if self._state != "end":
            raise Malformed("the body ends in the middle of a part")

    def _step(self) -> bool:
        if self._state == "body":
            return self._body()
        if self._state == "head":
            return self._head()
        self._buffer = b""
        return False

    def _body(self) -> bool:
        at = self._buffer.find(self._delimiter)
        if at < 0:
            self._hand_over(max(0, len(self._buffer) - len(self._delimiter)))
            return False
        after = self._buffer[at + len(self._delimiter) :][:2]
        if len(after) < 2:
            return False
        self._hand_over(at)
        self._buffer = self._buffer[len(self._delimiter) + 2 :]
        self._state = "end" if after == b"--" else "head"
        if after not in (b"--", b"\r\n"):
            raise Malformed("a delimiter is followed by something else")
        return True

    def _head(self) -> bool:
        at = self._buffer.find(b"\r\n\r\n")
        if at < 0:
            if len(self._buffer) > MOST_HEADERS:
                raise Malformed("the headers of a part do not end")
            return False
        self._write = self._open(_part(self._buffer[:at]))
        self._buffer = self._buffer[at + 4 :]
        self._state = "body"
        return True

    def _hand_over(self, count: int) -> None:
        if count:
            self._write(self._buffer[:count])
            self._buffer = self._buffer[count:]


def _boundary(content_type: str) -> bytes:
    headers = Message()
    headers["content-type"] = content_type
    boundary = headers.get_boundary()
    if not boundary or not re.fullmatch(r"[\x20-\x7e]{1,70}", boundary):
        raise Malformed("there is no boundary")
    return boundary.encode()


def _part(head: bytes) -> Part:
    headers = Message()
    for line in head.decode("utf-8", "replace").split("\r\n"):
        key, _, value = line.partition(":")
        if key.strip().lower() in ("content-disposition", "content-type"):
            headers[key.strip()] = value.strip()
    found = headers.get_param("name", header="content-disposition")
    if not isinstance(found, str):
        raise Malformed("a part has no name")
    filename = headers.get_filename()
    return Part(_plain(found), None if filename is None else _plain(filename), headers.get_content_type())


def _plain(name: str) -> str:
    """Browsers and clients escape three characters of a name, as the HTML standard says."""
    return name.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")
