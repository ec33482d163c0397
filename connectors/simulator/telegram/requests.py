"""A call of the Bot API as it comes over HTTP: query, JSON, form or multipart become parameters and files."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request

from connectors.capabilities import CHANNELS
from connectors.formats.shapes import Upload
from connectors.formats.telegram import SHAPES, decode_form
from connectors.simulator.files import Files, Incoming, Stored
from connectors.simulator.multipart import Malformed, Part, Reader, Write
from connectors.simulator.telegram.errors import TOO_LARGE, ApiError, bad_request
from connectors.simulator.telegram.objects import Json

UPLOAD_BYTES = CHANNELS["telegram"].files.file.max_bytes
PLAIN_BYTES = 2 * 1024 * 1024
ATTACHED = "attach://"


@dataclass
class Received:
    parameters: Json = field(default_factory=dict)
    files: dict[str, Stored] = field(default_factory=dict)


@dataclass
class _Form:
    """What the parts of a multipart body are collected in."""

    store: Files
    plain: dict[str, bytearray] = field(default_factory=dict)
    uploads: dict[str, tuple[Part, Incoming]] = field(default_factory=dict)

    def open(self, part: Part) -> Write:
        if part.filename is None:
            return self.plain.setdefault(part.name, bytearray()).extend
        incoming = self.store.incoming(UPLOAD_BYTES)
        self.uploads[part.name] = (part, incoming)
        return incoming.write

    def plain_size(self) -> int:
        return sum(map(len, self.plain.values()))

    def discard(self) -> None:
        for _, incoming in self.uploads.values():
            incoming.discard()


async def receive(request: Request, method: str, store: Files) -> Received:
    """Raises `ApiError` for what cannot be read. Files are on disk, never in memory."""
    query = dict(parse_qsl(request.url.query, keep_blank_values=True))
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        received = await _multipart(request, method, store, query)
    else:
        received = Received(await _plain(request, method, kind, query))
    return received


async def _plain(request: Request, method: str, kind: str, query: dict[str, str]) -> Json:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > PLAIN_BYTES:
            raise ApiError(*TOO_LARGE)
    if kind == "application/json" and body:
        return {**decode_form(method, query), **_json(bytes(body))}
    pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    return decode_form(method, {**query, **dict(pairs)})


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(body)
    except msgspec.DecodeError:
        raise bad_request("can't parse JSON object") from None
    if not isinstance(found, dict):
        raise bad_request("can't parse JSON object")
    return found


async def _multipart(request: Request, method: str, store: Files, query: dict[str, str]) -> Received:
    form = _Form(store)
    try:
        reader = Reader(request.headers["content-type"], form.open)
        async for chunk in request.stream():
            reader.feed(chunk)
            if form.plain_size() > PLAIN_BYTES:
                raise ApiError(*TOO_LARGE)
        reader.finish()
    except Malformed as error:
        form.discard()
        raise bad_request(f"can't parse multipart/form-data: {error}") from None
    except BaseException:
        form.discard()
        raise
    return _whole(form, method, query)


def _whole(form: _Form, method: str, query: dict[str, str]) -> Received:
    """A parameter `attach://name` stands for the file of that name."""
    plain = {name: bytes(value).decode("utf-8", "replace") for name, value in form.plain.items()}
    parameters = decode_form(method, {**query, **plain})
    files: dict[str, Stored] = {}
    for name, (part, incoming) in form.uploads.items():
        known = SHAPES.description.methods.get(method)
        attached = [f for f, v in parameters.items() if v == f"{ATTACHED}{name}"]
        fields = attached or [name]
        for each in fields:
            parameters[each] = Upload(part.filename or name, incoming.size, part.content_type)
        if incoming.size > UPLOAD_BYTES or known is None:
            incoming.discard()
            continue
        stored = form.store.keep(incoming, part.filename or name, part.content_type)
        files.update(dict.fromkeys(fields, stored))
    return Received(parameters, files)
