"""A call as it comes over HTTP: JSON, or a form whose file goes to disk while it comes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request

from connectors.formats.shapes import Upload
from connectors.simulator.files import Files, Incoming, Stored
from connectors.simulator.meta.calls import PLAIN_BYTES, json_of
from connectors.simulator.meta.errors import GraphError
from connectors.simulator.multipart import Malformed, Part, Reader, Write

Fields = dict[str, str | Upload]


@dataclass(frozen=True)
class Brings:
    """`name` of the form's field that holds the file, of which at most so many bytes are kept."""

    name: str
    most: int
    malformed: Callable[[str], GraphError]
    decode: Callable[[Fields], Any] = dict


@dataclass
class _Form:
    store: Files
    most: int
    plain: dict[str, bytearray] = field(default_factory=dict)
    uploads: dict[str, tuple[Part, Incoming]] = field(default_factory=dict)

    def open(self, part: Part) -> Write:
        if part.filename is None:
            return self.plain.setdefault(part.name, bytearray()).extend
        incoming = self.store.incoming(self.most)
        self.uploads[part.name] = (part, incoming)
        return incoming.write

    def discard(self) -> None:
        for _, incoming in self.uploads.values():
            incoming.discard()


async def receive(request: Request, store: Files, brings: Brings) -> tuple[Any, Stored | None]:
    """The body, and the file that came with it. Raises `GraphError`."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "multipart/form-data":
        return await json_of(request), None
    form = _Form(store, brings.most)
    try:
        await _read(request, form, brings)
        return _whole(form, brings)
    except BaseException:
        form.discard()
        raise


async def _read(request: Request, form: _Form, brings: Brings) -> None:
    try:
        reader = Reader(request.headers["content-type"], form.open)
        async for chunk in request.stream():
            reader.feed(chunk)
            if sum(map(len, form.plain.values())) > PLAIN_BYTES:
                raise GraphError(413, 1, "Please reduce the amount of data you're asking for, then retry your request")
        reader.finish()
    except Malformed as error:
        raise brings.malformed(str(error)) from None


def _whole(form: _Form, brings: Brings) -> tuple[Any, Stored | None]:
    fields: Fields = {name: bytes(value).decode("utf-8", "replace") for name, value in form.plain.items()}
    for name, (part, incoming) in form.uploads.items():
        fields[name] = Upload(part.filename or name, incoming.size, part.content_type)
    brought = form.uploads.pop(brings.name, None)
    form.discard()
    if brought is None:
        return brings.decode(fields), None
    part, incoming = brought
    return brings.decode(fields), form.store.keep(incoming, part.filename or "file", part.content_type)
