"""From the Cloud API's webhooks to what happened.

https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/payload-examples
"""

import mimetypes
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct
from msgspec.json import decode, encode

from connectors import meta, sdk
from connectors.whatsapp.failures import MEANINGS
from connectors.whatsapp.shapes import (
    Change,
    Contact,
    Entry,
    Media,
    Message,
    MessageHead,
    Spot,
    Status,
    StatusHead,
    System,
    Value,
)

OBJECT = "whatsapp_business_account"
FIELD = "messages"
FILES = ("image", "video", "audio", "voice", "document", "sticker")
STATUSES = {"sent": "SENT", "delivered": "DELIVERED", "read": "READ", "played": "READ", "failed": "FAILED"}
"""Others say nothing of how far a message has come."""
NOT_SAID = ("request_welcome",)
"""Types of messages that nobody has written."""
EXTENSIONS = {
    "audio/aac": ".aac",
    "audio/amr": ".amr",
    "audio/mp4": ".m4a",
    "audio/mpeg": ".mp3",
    "audio/ogg": ".ogg",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "video/3gpp": ".3gp",
    "video/mp4": ".mp4",
}
"""For what people record and take; of other types the system knows."""
MILLISECONDS = 100_000_000_000  # from here on it is not seconds, or the year 5138

T = TypeVar("T", bound=Struct)


def split(body: bytes) -> list[sdk.Update]:
    return meta.split(body, OBJECT, _things)


def _things(entry: bytes) -> Iterator[sdk.Update]:
    for raw in decode(entry, type=Entry).changes:
        try:
            yield from _of_change(bytes(raw))
        except msgspec.DecodeError:
            yield meta.unread(bytes(raw))


def _of_change(raw: bytes) -> list[sdk.Update]:
    """Each message and each status by itself, in the form of the change that brought it."""
    change = decode(raw, type=Change)
    if change.field != FIELD:
        return [meta.unread(raw)]
    value = decode(change.value, type=Value)
    contacts = [(_as(Contact, contact), contact) for contact in value.contacts]
    messages = (_message_alone(each, value, contacts) for each in value.messages)
    statuses = (_status_alone(each, value) for each in value.statuses)
    return [*messages, *statuses] or [meta.unread(raw)]


def _message_alone(raw: Raw, value: Value, contacts: Sequence[tuple[Contact | None, Raw]]) -> sdk.Update:
    head = _as(MessageHead, raw)
    theirs = [one for contact, one in contacts if contact and head and _is_of(contact, head)]
    body = _change(value, contacts=theirs, messages=[raw])
    return sdk.Update(head.address, head.id, body) if head and head.address else meta.unread(body)


def _status_alone(raw: Raw, value: Value) -> sdk.Update:
    head = _as(StatusHead, raw)
    body = _change(value, statuses=[raw])
    return sdk.Update(head.address, f"{head.id}:{head.status}", body) if head and head.address else meta.unread(body)


def _is_of(contact: Contact, head: MessageHead) -> bool:
    return bool(contact.wa_id and contact.wa_id == head.number) or bool(
        contact.user_id and contact.user_id == head.from_user_id
    )


def _change(value: Value, **things: Sequence[Raw]) -> bytes:
    present = {name: each for name, each in things.items() if each}
    return encode({"field": FIELD, "value": {"metadata": value.metadata, **present}})


def _as(kind: type[T], raw: Raw) -> T | None:
    try:
        return decode(raw, type=kind)
    except msgspec.DecodeError:
        return None


def read(body: bytes, phone_number_id: str) -> list[sdk.Inbound]:
    """Nothing of what becomes of another number's messages; what people write to it is for nobody here to take."""
    try:
        change = decode(body, type=Change)
        if change.field != FIELD:
            return []
        value = decode(change.value, type=Value)
        if value.metadata.phone_number_id != phone_number_id:
            if value.messages:
                raise sdk.Unreadable("it was written to another number")
            return []
        contacts = [decode(each, type=Contact) for each in value.contacts]
        said = [happened for raw in value.messages for happened in _happened(decode(raw, type=Message), contacts)]
        return [*said, *(report for raw in value.statuses for report in _reported(decode(raw, type=Status)))]
    except msgspec.DecodeError as error:
        raise sdk.Unreadable(str(error)) from None


def _happened(message: Message, contacts: Iterable[Contact]) -> list[sdk.Inbound]:
    if not message.address:
        raise sdk.Unreadable("a message of nobody")
    head: dict[str, Any] = {"provider_id": message.id, "address": message.address, "at": _time(message.timestamp)}
    if message.system:
        return _moved(message.system, head)
    sender = _sender(message, contacts)
    if message.reaction:
        shown = (message.reaction.emoji,) if message.reaction.emoji else ()
        return [sdk.Reacted(**head, external_id=message.reaction.message_id, sender=sender, reactions=shown)]
    if message.context.id and (data := _pressed(message)):
        return [sdk.Pressed(**head, external_id=message.context.id, sender=sender, data=data)]
    if message.type in NOT_SAID:
        return []
    content = _content(message)
    return [sdk.Arrived(**head, external_id=message.id, sender=sender, content=content, reply_to=message.context.id)]


def _pressed(message: Message) -> str | None:
    if message.button:
        return message.button.payload
    reply = message.interactive and (message.interactive.button_reply or message.interactive.list_reply)
    return reply.id if reply else None


def _moved(system: System, head: dict[str, Any]) -> list[sdk.Inbound]:
    """Somebody has another number, or another id, from now on; anything else that the system says is for people."""
    there = system.wa_id or system.user_id
    if not there or there == head["address"]:
        return []
    return [sdk.Reach(**head, can_be_reached=False), sdk.Reach(**(head | {"address": there}), can_be_reached=True)]


def _content(message: Message) -> sdk.Content:
    if message.text:
        return sdk.Text(message.text.body)
    if message.location:
        return _place(message.location)
    if cards := "\n".join(filter(None, (card.words for card in message.contacts))):
        return sdk.Text(cards)
    if message.button:
        return sdk.Text(message.button.text)
    chosen = message.interactive and (message.interactive.button_reply or message.interactive.list_reply)
    if chosen:
        return sdk.Text(chosen.title)
    return _file(message) or sdk.Unsupported(message.type)


def _place(spot: Spot) -> sdk.Place:
    return sdk.Place(spot.latitude, spot.longitude, spot.name or spot.address or None)


def _file(message: Message) -> sdk.Attachment | None:
    for kind in FILES:
        media: Media | None = getattr(message, kind)
        if media:
            filename = media.filename or f"{kind}{extension_of(media.mime_type)}"
            return sdk.Attachment(media.id, filename, plain_type(media.mime_type), caption=media.caption)
    return None


def _reported(status: Status) -> list[sdk.Reported]:
    word = STATUSES.get(status.status)
    if word is None or not status.address:
        return []
    error = status.errors[0] if status.errors and word == "FAILED" else None
    return [
        sdk.Reported(
            provider_id=f"{status.id}:{status.status}",
            address=status.address,
            at=_time(status.timestamp),
            status=word,  # type: ignore[arg-type]  # a value of STATUSES
            external_ids=(status.id,),
            code=meta.refusal_of(error.code, MEANINGS) if error else None,
            detail=error.words if error else None,
        )
    ]


def _sender(message: Message, contacts: Iterable[Contact]) -> sdk.Sender:
    """With a username there is no number; where there is one, the id is told beside it."""
    contact = next((contact for contact in contacts if _is_of(contact, message)), Contact())
    known = (message.number, message.from_user_id, contact.wa_id, contact.user_id)
    also = tuple(value for value in dict.fromkeys(known) if value and value != message.address)
    return sdk.Sender(message.address, contact.name or message.address, also)


def plain_type(mime_type: str) -> str:
    """Without parameters, such as `codecs=opus`."""
    return mime_type.partition(";")[0].strip().lower() or "application/octet-stream"


def extension_of(mime_type: str) -> str:
    kind = plain_type(mime_type)
    return EXTENSIONS.get(kind) or mimetypes.guess_extension(kind) or ""


def _time(told: str) -> datetime:
    number = int(told)
    return datetime.fromtimestamp(number / 1000 if number >= MILLISECONDS else number, UTC)
