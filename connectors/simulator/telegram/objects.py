"""The objects of the Bot API as Telegram writes them: people, bots, chats and what a message is made of."""

from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]
ChatType = Literal["group", "supergroup"]
Standing = Literal["administrator", "member", "left", "kicked"]
CHANNEL_IDS = -1_000_000_000_000


@dataclass
class Person:
    """`started` and `blocked` are the bots that they have opened and shut out.

    Of their phone: `seen` is the newest message that was looked at, `off_since` the newest when it was switched off.
    """

    id: int
    first_name: str
    last_name: str | None = None
    username: str | None = None
    language_code: str | None = None
    is_deactivated: bool = False
    started: set[int] = field(default_factory=set)
    blocked: set[int] = field(default_factory=set)
    seen: int = 0
    off_since: int | None = None

    def as_user(self) -> Json:
        names = {"last_name": self.last_name, "username": self.username, "language_code": self.language_code}
        return {"id": self.id, "is_bot": False, "first_name": self.first_name, **present(names)}

    def as_chat(self) -> Json:
        names = {"first_name": self.first_name, "last_name": self.last_name, "username": self.username}
        return {"id": self.id, "type": "private", **present(names)}


@dataclass
class Group:
    """`members` are people and bots by id; who is gone stays, with what became of them."""

    id: int
    type: ChatType
    title: str
    members: dict[int, Standing] = field(default_factory=dict)
    migrated_to: int | None = None

    def as_chat(self) -> Json:
        return {"id": self.id, "type": self.type, "title": self.title}

    def has(self, user: int) -> bool:
        return self.members.get(user) in ("administrator", "member")


@dataclass(slots=True)
class Message:
    """`body` is what the bot of this chat sees; `owner` is that bot, or 0 in a group."""

    owner: int
    body: Json
    reactions: dict[int, list[Json]] = field(default_factory=dict)

    @property
    def id(self) -> int:
        return int(self.body["message_id"])

    @property
    def chat(self) -> int:
        return int(self.body["chat"]["id"])

    @property
    def sender(self) -> int:
        return int(self.body["from"]["id"])


def present(fields: Json) -> Json:
    return {name: value for name, value in fields.items() if value is not None}


def bot_user(bot: int, first_name: str, username: str) -> Json:
    return {"id": bot, "is_bot": True, "first_name": first_name, "username": username}


def quoted(body: Json) -> Json:
    """A message as it stands in the reply to it: without what it replies to itself."""
    return {name: value for name, value in body.items() if name != "reply_to_message"}


def text_content(text: str) -> Json:
    """Surrounding white space is taken off; of entities only a command is found, which is what bots live by."""
    trimmed = text.strip()
    command = trimmed.split(maxsplit=1)[0]
    if command.startswith("/") and len(command) > 1:
        return {"text": trimmed, "entities": [{"type": "bot_command", "offset": 0, "length": utf16(command)}]}
    return {"text": trimmed}


def utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def kind_of(body: Json) -> str:
    """What a message is, by the field that only such messages have."""
    kinds = ("text", "document", "photo", "location", "sticker", "voice", "contact", "migrate_to_chat_id")
    return next((kind for kind in kinds if kind in body), "service")


def chat_member(user: Json, standing: Standing | None) -> Json:
    """One who is not there, and was never told to go, has left."""
    status = standing or "left"
    if status == "kicked":
        return {"status": status, "user": user, "until_date": 0}
    return {"status": status, "user": user, **(ADMINISTRATOR if status == "administrator" else {})}


ADMINISTRATOR: Json = {
    name: name not in ("is_anonymous", "can_be_edited", "can_promote_members")
    for name in (
        "can_be_edited",
        "is_anonymous",
        "can_manage_chat",
        "can_delete_messages",
        "can_manage_video_chats",
        "can_restrict_members",
        "can_promote_members",
        "can_change_info",
        "can_invite_users",
        "can_post_stories",
        "can_edit_stories",
        "can_delete_stories",
    )
}
