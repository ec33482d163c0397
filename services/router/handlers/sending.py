"""One attempt at a delivery: what is sent, in pieces that fit the channel, and what came of it."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple, Self
from urllib.parse import quote

from msgspec import structs

from connectors import sdk
from connectors.capabilities.adapt import File, Piece, adapt
from connectors.sdk import Refused, Throttled, Unreachable
from libs.common.clock import now
from libs.common.events import DeliveryError, DeliveryRequest, Location, Payload, SentFile
from libs.common.mongo import Document
from libs.common.storage_reading import Missing, Stored
from services.router.handlers.lines import Line
from services.router.retrying import obeyed_s

if TYPE_CHECKING:
    from services.router.outbox import Outbox

LINK_LIVES = timedelta(days=7)  # as long as a store signs
SLOWEST = 128 * 1024  # bytes per second of an upload
MARGIN_S = 5.0
OF_REPLIES = ("bad_request", "not_found")
"""How platforms refuse an answer to a message that they do not have any more; nothing was done then."""
GONE = DeliveryError("file_gone", "The file is no longer there.")


@dataclass(frozen=True)
class Sent:
    """`moved_to`: the address that they have from now on, where it is not the one that was asked for."""

    adapted: Sequence[str]
    moved_to: str | None = None


@dataclass(frozen=True)
class Failed:
    """The platform did not answer, or not with sense; `taken`: somebody there took the request."""

    error: DeliveryError
    uncertain: bool
    taken: bool = True


@dataclass(frozen=True)
class Asked:
    """The platform asked to wait."""

    seconds: float


@dataclass(frozen=True)
class Refusal:
    error: DeliveryError


class _SoFar(NamedTuple):
    """What the pieces that are there have shown, kept with the delivery."""

    moved_to: str | None
    reply_dropped: bool

    @classmethod
    def of(cls, delivery: Document) -> Self:
        return cls(delivery.get("moved_to"), delivery.get("reply_dropped", False))


Content = AsyncGenerator[bytes, None]
Outcome = Sent | Failed | Asked | Refusal


def in_flight_s(line: Line, payload: Payload) -> float:
    """How long an attempt, or a piece of it, may be under way at most: then somebody died."""
    size = payload.file.size if isinstance(payload, SentFile) else 0
    return 3 * line.call_s + size / SLOWEST + MARGIN_S if size else 2 * line.call_s + MARGIN_S


async def send(line: Line, request: DeliveryRequest, delivery: Document, outbox: "Outbox", storage: Stored) -> Outcome:
    """Sends the pieces that are not there yet. Raises `Unavailable` for servers of our own alone."""
    try:
        key, content = await _content(request.payload, outbox, storage)
        pieces, words = adapt(content, line.capabilities)
        reply_to, so_far = await _answered(request, outbox), _SoFar.of(delivery)
        for place in range(delivery.get("pieces", 0), len(pieces)):
            piece, answers = pieces[place], reply_to if place == 0 else None
            began = now()
            there = structs.replace(request, address=so_far.moved_to or request.address)
            sent, is_answer = await _send_somehow(line, there, piece, answers, lambda: storage.read_object(key))
            so_far = _SoFar(sent.address or so_far.moved_to, so_far.reply_dropped or not is_answer)
            until = now() + timedelta(seconds=in_flight_s(line, request.payload))
            known = {name: value for name, value in so_far._asdict().items() if value}
            await outbox.note_piece(request.delivery_id, sent.external_ids, until, began, len(pieces), **known)
        return Sent((*words, "reply_dropped") if so_far.reply_dropped else words, so_far.moved_to)
    except Unreachable as error:
        return Failed(DeliveryError("unreachable", error.detail), error.uncertain, error.taken)
    except Throttled as error:
        return Asked(obeyed_s(error.after_s))
    except Missing:
        return Refusal(GONE)
    except Refused as error:
        return Refusal(DeliveryError(error.code, error.detail))


async def _send_somehow(
    line: Line, request: DeliveryRequest, piece: Piece, answers: str | None, read: Callable[[], Content]
) -> tuple[sdk.Sent, bool]:
    """False: as no answer, where the platform has what it answers no more. Other refusals say the same once more."""
    try:
        return await _send_piece(line, request, piece, answers, read()), True
    except Refused as refused:
        if answers is None or refused.code not in OF_REPLIES:
            raise
        return await _send_piece(line, request, piece, None, read()), False


async def _send_piece(
    line: Line, request: DeliveryRequest, piece: Piece, reply_to: str | None, content: Content
) -> sdk.Sent:
    message_id, address = request.message_id, request.address
    if not isinstance(piece, File):
        return await line.connector.send_message(sdk.Outbound(message_id, address, piece, reply_to))
    file = sdk.OutboundFile(
        message_id, address, piece.filename, piece.content_type, piece.size, piece.caption, reply_to
    )
    async with aclosing(content):
        return await line.connector.send_file(file, content)


async def _content(payload: Payload, outbox: "Outbox", storage: Stored) -> tuple[str, Piece]:
    """The key of its bytes, and what it is in the words of channels."""
    if isinstance(payload, Location):
        return "", sdk.Place(payload.latitude, payload.longitude, payload.name)
    if not isinstance(payload, SentFile):
        return "", sdk.Text(payload.text)
    found = await outbox.file(payload.file_id)
    if found is None:
        raise Missing(payload.file_id)
    file = payload.file
    disposition = "attachment; filename*=UTF-8''" + quote(file.filename)
    link = storage.download_url(found["key"], LINK_LIVES, disposition, file.content_type)
    return found["key"], File(file.filename, file.content_type, file.size, link, payload.caption)


async def _answered(request: DeliveryRequest, outbox: "Outbox") -> str | None:
    if request.reply_to is None:
        return None
    return await outbox.external_id(request.reply_to, request.recipient, request.channel, request.account)
