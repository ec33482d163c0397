"""From the Bot API's updates (https://core.telegram.org/bots/api#getting-updates) to what happened."""

from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from connectors import sdk
from connectors.telegram.shapes import (
    CallbackQuery,
    Chat,
    File,
    Known,
    Message,
    MessageReaction,
    MyChatMember,
    Reaction,
    Update,
    User,
)

ASKED_FOR = ["message", "edited_message", "message_reaction", "callback_query", "my_chat_member"]
"""Reactions are sent only to those who name them."""
FILES = {
    "document": ("file", "application/octet-stream"),
    "video": ("video.mp4", "video/mp4"),
    "audio": ("audio.mp3", "audio/mpeg"),
    "voice": ("voice.ogg", "audio/ogg"),
    "video_note": ("video.mp4", "video/mp4"),
}
"""Field → name and type where the platform tells none."""
UNSUPPORTED = (
    *("contact", "poll", "dice", "game", "story", "invoice", "paid_media", "live_photo", "checklist", "rich_message"),
    *("giveaway", "giveaway_winners", "gift", "unique_gift", "users_shared", "chat_shared", "web_app_data"),
)
"""What people send and we cannot show. Any other message without content tells of the chat itself."""


class _Somebody(msgspec.Struct, frozen=True):
    id: int


T = TypeVar("T")


def split(body: bytes, bot_id: str) -> list[sdk.Update]:
    """A request brings one update; it is kept in the order of its chat, also where we cannot read it further."""
    try:
        fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        update_id = msgspec.json.decode(fields.pop("update_id"), type=int)
    except (msgspec.DecodeError, KeyError):
        raise sdk.Unreadable("no update of the Bot API") from None
    address = next(filter(None, map(_address_of, fields.values())), bot_id)
    return [sdk.Update(address, provider_id(bot_id, update_id), body)]


def provider_id(bot_id: str, update_id: int) -> str:
    """Each bot counts its own."""
    return f"{bot_id}:{update_id}"


def _address_of(field: msgspec.Raw) -> str | None:
    """Whose an update is, of whatever kind: it goes by as little of it as possible."""
    thing = _as(dict[str, msgspec.Raw], field) or {}
    message = _as(dict[str, msgspec.Raw], thing.get("message")) or {}
    candidates = (thing.get("chat"), message.get("chat"), thing.get("from"), thing.get("user"))
    found = next(filter(None, (_as(_Somebody, each) for each in candidates)), None)
    return str(found.id) if found else None


def _as(kind: type[T], raw: msgspec.Raw | None) -> T | None:
    try:
        return None if raw is None else msgspec.json.decode(raw, type=kind)
    except msgspec.DecodeError:
        return None


def read(body: bytes, bot_id: str) -> list[sdk.Inbound]:
    try:
        update = msgspec.json.decode(body, type=Update)
    except msgspec.DecodeError as error:
        raise sdk.Unreadable(str(error)) from None
    found = _happened(update, provider_id(bot_id, update.update_id), body)
    return [] if found is None else [found]


def _happened(update: Update, key: str, body: bytes) -> sdk.Inbound | None:
    if update.message:
        return _arrived(update.message, key, _content(update.message) or _unsupported("message", body))
    if update.edited_message:
        message = update.edited_message
        return _edited(message, key, _content(message) or _unsupported("edited_message", body))
    if update.message_reaction:
        return _reacted(update.message_reaction, key)
    if update.callback_query:
        return _pressed(update.callback_query, key)
    return _reach(update.my_chat_member, key) if update.my_chat_member else None


def _arrived(message: Message, key: str, content: sdk.Content | None) -> sdk.Arrived | None:
    if content is None:
        return None
    answered = message.reply_to_message
    return sdk.Arrived(
        provider_id=key,
        address=str(message.chat.id),
        at=_time(message.date),
        external_id=message.external_id,
        sender=_sender(message.sender_chat or message.sender or message.chat),
        content=content,
        reply_to=answered.external_id if answered else None,
    )


def _edited(message: Message, key: str, content: sdk.Content | None) -> sdk.Edited | None:
    if content is None:
        return None
    return sdk.Edited(
        provider_id=key,
        address=str(message.chat.id),
        at=_time(message.edit_date or message.date),
        external_id=message.external_id,
        sender=_sender(message.sender_chat or message.sender or message.chat),
        content=content,
    )


def _reacted(reaction: MessageReaction, key: str) -> sdk.Reacted:
    return sdk.Reacted(
        provider_id=key,
        address=str(reaction.chat.id),
        at=_time(reaction.date),
        external_id=reaction.external_id,
        sender=_sender(reaction.actor_chat or reaction.user or reaction.chat),
        reactions=tuple(map(_shown, reaction.new_reaction)),
    )


def _pressed(query: CallbackQuery, key: str) -> sdk.Pressed | None:
    """A button without data belongs to a game."""
    if query.data is None:
        return None
    message: Known | None = query.message
    return sdk.Pressed(
        provider_id=key,
        address=str(message.chat.id if message else query.sender.id),
        external_id=message.external_id if message else None,
        sender=_sender(query.sender),
        data=query.data,
        answer=query.query_id,
    )


def _reach(change: MyChatMember, key: str) -> sdk.Reach:
    now = change.new_chat_member
    is_there = now.status not in ("left", "kicked") and now.is_member
    reach = sdk.Reach(
        provider_id=key,
        address=str(change.chat.id),
        at=_time(change.date),
        can_be_reached=is_there and now.can_send_messages,
    )
    if reach.can_be_reached or change.chat.id > 0:
        return reach
    return msgspec.structs.replace(reach, code="forbidden" if is_there else "removed")


def _content(message: Message) -> sdk.Content | None:
    if message.text is not None:
        return sdk.Text(message.text)
    if message.venue:
        place = message.venue.location
        return sdk.Place(place.latitude, place.longitude, message.venue.title)
    if message.location:
        return sdk.Place(message.location.latitude, message.location.longitude)
    return _file(message)


def _file(message: Message) -> sdk.Attachment | None:
    if message.photo:
        largest = max(message.photo, key=lambda size: size.file_size or 0)
        return _attachment(largest, "photo.jpg", "image/jpeg", message.caption)
    if message.sticker:
        return _attachment(message.sticker, *_form_of(message.sticker), message.caption)
    for name, (filename, content_type) in FILES.items():
        file: File | None = getattr(message, name)
        if file:
            return _attachment(file, filename, content_type, message.caption)
    return None


def _form_of(sticker: File) -> tuple[str, str]:
    if sticker.is_animated:
        return "sticker.tgs", "application/gzip"
    return ("sticker.webm", "video/webm") if sticker.is_video else ("sticker.webp", "image/webp")


def _attachment(file: File, filename: str, content_type: str, caption: str | None) -> sdk.Attachment:
    return sdk.Attachment(
        file.file_id, file.file_name or filename, file.mime_type or content_type, file.file_size, caption
    )


def _unsupported(kind: str, body: bytes) -> sdk.Unsupported | None:
    fields = msgspec.json.decode(body)[kind]
    return next((sdk.Unsupported(what) for what in UNSUPPORTED if what in fields), None)


def _sender(somebody: User | Chat) -> sdk.Sender:
    return sdk.Sender(str(somebody.id), somebody.name)


def _shown(reaction: Reaction) -> str:
    return reaction.emoji or reaction.custom_emoji_id or reaction.type


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
