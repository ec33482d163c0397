"""From the events of webhooks to what happened."""

import hashlib
import mimetypes
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import msgspec

from connectors import meta, sdk
from connectors.messaging.shapes import (
    Attachment,
    Delivery,
    Edit,
    Ends,
    Entry,
    Event,
    Message,
    Postback,
    Reaction,
    Read,
)

MOST_FILES = 10  # in one message; that there are more is told
FILES = {
    "image": ("image.jpg", "image/jpeg"),
    "video": ("video.mp4", "video/mp4"),
    "audio": ("audio.mp4", "audio/mp4"),
    "sticker": ("sticker.png", "image/png"),
    "file": ("file", "application/octet-stream"),
}
"""Type of an attachment → name and content type where its URL tells none."""


class Source(NamedTuple):
    """Whose webhooks these are: the `object` of envelopes, and the account's own id there."""

    object: str
    account: str


class Known(NamedTuple):
    """What all events have; `address` is the person's."""

    provider_id: str
    address: str
    at: datetime | None


def split(body: bytes, source: Source) -> list[sdk.Update]:
    """One update for each event; an entry of another account is kept whole, and cannot be read."""

    def things(raw: bytes) -> Iterator[sdk.Update]:
        entry = msgspec.json.decode(raw, type=Entry)
        if entry.id != source.account:
            yield meta.unread(raw)
            return
        for each in map(bytes, entry.messaging):
            yield _update(each, source.account)

    return meta.split(body, source.object, things)


def _update(body: bytes, account: str) -> sdk.Update:
    try:
        ends = msgspec.json.decode(body, type=Ends)
    except msgspec.DecodeError:
        return meta.unread(body)
    return sdk.Update(_person(ends, account), _provider_id(body), body)


def _person(ends: Ends | Event, account: str) -> str:
    return ends.recipient.id if ends.sender.id == account else ends.sender.id


def _provider_id(body: bytes) -> str:
    """The message's own where it has one; else that of these bytes, as a repetition brings the same."""
    try:
        event = msgspec.json.decode(body, type=Event)
    except msgspec.DecodeError:
        event = None
    if event and event.message:
        state = "unsent:" if event.message.is_deleted else "echo:" if event.message.is_echo else ""
        return f"{state}{event.message.mid}"
    if event and event.message_edit:
        return f"edit{event.message_edit.num_edit}:{event.message_edit.mid}"
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def read(body: bytes, account: str) -> list[sdk.Inbound]:
    try:
        event = msgspec.json.decode(body, type=Event)
    except msgspec.DecodeError as error:
        raise sdk.Unreadable(str(error)) from None
    return list(_happened(event, Known(_provider_id(body), _person(event, account), _time(event.timestamp))))


def _happened(event: Event, known: Known) -> Iterator[sdk.Inbound]:
    if event.message:
        yield from _told(event.message, known)
    elif event.postback:
        yield from _pressed(event.postback, known)
    elif event.delivery:
        yield from _delivered(event.delivery, known)
    elif seen := event.read or event.messaging_seen:
        yield from _read(seen, known)
    elif event.reaction:
        yield _reacted(event.reaction, known)
    elif event.message_edit:
        yield _edited(event.message_edit, known)


def _told(message: Message, known: Known) -> Iterator[sdk.Inbound]:
    """Our own message comes back as an echo, which proves that it was sent and is never a new one."""
    if message.is_deleted:
        for part in range(MOST_FILES + 1):
            yield sdk.Unsent(**known._asdict(), external_id=_part(message.mid, part))
    elif message.is_echo:
        yield sdk.Reported(**known._asdict(), status="SENT", external_ids=(message.mid,))
    else:
        yield from _arrived(message, known)


def _arrived(message: Message, known: Known) -> Iterator[sdk.Inbound]:
    answered = (message.reply_to.mid or None) if message.reply_to else None
    for part, content in enumerate(_contents(message)):
        yield sdk.Arrived(
            **known._asdict(),
            external_id=_part(message.mid, part),
            sender=_sender(known),
            content=content,
            reply_to=answered,
        )
    if message.quick_reply:
        pressed = message.quick_reply.payload
        yield sdk.Pressed(**known._asdict(), external_id=message.mid, sender=_sender(known), data=pressed)


def _part(mid: str, part: int) -> str:
    """Here every file is a message of its own; the first of them has the id that the platform knows."""
    return f"{mid}/{part + 1}" if part else mid


def mid_of(external_id: str) -> str:
    return external_id.partition("/")[0]


def _contents(message: Message) -> Iterator[sdk.Content]:
    """At least one. The text is that of the first file."""
    if not message.attachments:
        yield sdk.Text(message.text) if message.text else sdk.Unsupported("message")
        return
    for part, attachment in enumerate(message.attachments[:MOST_FILES]):
        yield _content(attachment, message.text if part == 0 else "")
    if len(message.attachments) > MOST_FILES:
        yield sdk.Unsupported("more files")


def _content(attachment: Attachment, text: str) -> sdk.Content:
    """What is no file, and has words or a link, is shown by them."""
    payload = attachment.payload
    if payload and payload.coordinates:
        return sdk.Place(payload.coordinates.lat, payload.coordinates.long, payload.title or text or None)
    if payload and payload.url and attachment.type in FILES:
        filename, content_type = named(payload.url, *FILES[attachment.type])
        return sdk.Attachment(payload.url, filename, content_type, caption=text or None)
    words = [text, payload.title, payload.url] if payload else [text]
    said = "\n".join(dict.fromkeys(filter(None, words)))
    return sdk.Text(said) if said else sdk.Unsupported(attachment.type)


def named(url: str, filename: str, content_type: str) -> tuple[str, str]:
    """The name at the end of the URL, and the type that it tells; else the ones given."""
    try:
        last = unquote(urlsplit(url).path).rpartition("/")[2]
    except ValueError:
        return filename, content_type
    known = mimetypes.guess_type(last)[0]
    return (last, known) if known else (filename, content_type)


def _pressed(postback: Postback, known: Known) -> Iterator[sdk.Inbound]:
    """Their app shows its title as if they had said it. Without an id of its own it has that of the event."""
    external_id = postback.mid or known.provider_id
    said = sdk.Text(postback.title or postback.payload)
    if said.text:
        yield sdk.Arrived(**known._asdict(), external_id=external_id, sender=_sender(known), content=said)
        yield sdk.Pressed(**known._asdict(), external_id=external_id, sender=_sender(known), data=postback.payload)


def _delivered(delivery: Delivery, known: Known) -> Iterator[sdk.Inbound]:
    """Those that it names, and all until the watermark; either may be what is known of a message."""
    if delivery.mids:
        yield sdk.Reported(**known._asdict(), status="DELIVERED", external_ids=tuple(delivery.mids))
    yield sdk.Reported(**known._asdict(), status="DELIVERED", up_to=_time(delivery.watermark))


def _read(seen: Read, known: Known) -> Iterator[sdk.Inbound]:
    """Whoever has seen a message has seen those before it, of which Instagram need not tell."""
    up_to = known.at if seen.mid else _time(seen.watermark)
    if seen.mid:
        yield sdk.Reported(**known._asdict(), status="READ", external_ids=(seen.mid,))
    if up_to is not None:
        yield sdk.Reported(**known._asdict(), status="READ", up_to=up_to)


def _reacted(reaction: Reaction, known: Known) -> sdk.Reacted:
    """A person has one reaction to a message here, and the newest holds."""
    shown = (reaction.emoji or reaction.reaction) if reaction.action == "react" else ""
    reactions = (shown,) if shown else ()
    return sdk.Reacted(**known._asdict(), external_id=reaction.mid, sender=_sender(known), reactions=reactions)


def _edited(edit: Edit, known: Known) -> sdk.Edited:
    return sdk.Edited(**known._asdict(), external_id=edit.mid, sender=_sender(known), content=sdk.Text(edit.text))


def _sender(known: Known) -> sdk.Sender:
    """Webhooks tell nobody's name."""
    return sdk.Sender(known.address, "")


def _time(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
