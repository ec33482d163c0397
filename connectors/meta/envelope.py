"""One request of Meta brings many things that happened, of many people: here they part.

https://developers.facebook.com/docs/graph-api/webhooks/getting-started#event-notifications
"""

import hashlib
from collections.abc import Callable, Iterable

import msgspec
from msgspec import Raw, Struct

from connectors.sdk import Unreadable, Update


class Envelope(Struct, frozen=True):
    object: str
    entry: list[Raw]


def split(body: bytes, of: str, things: Callable[[bytes], Iterable[Update]]) -> list[Update]:
    """Everything in it, in the order given; an entry of which `things` cannot be told is kept whole.

    `of` is the envelope's `object`; `things` raises msgspec's `DecodeError`. Raises `Unreadable`.
    """
    try:
        envelope = msgspec.json.decode(body, type=Envelope)
    except msgspec.DecodeError as error:
        raise Unreadable(str(error)) from None
    if envelope.object != of:
        raise Unreadable(f"an envelope of {envelope.object[:32]!r}, not of {of!r}")
    return [update for entry in envelope.entry for update in _of(bytes(entry), things)]


def _of(entry: bytes, things: Callable[[bytes], Iterable[Update]]) -> list[Update]:
    try:
        return list(things(entry))
    except msgspec.DecodeError:
        return [unread(entry)]


def unread(body: bytes) -> Update:
    """What cannot be told apart: it is of nobody, and keeps nobody's order."""
    return Update("", f"sha256:{hashlib.sha256(body).hexdigest()}", body)
