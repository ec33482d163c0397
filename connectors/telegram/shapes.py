"""What we read of the Bot API's objects (https://core.telegram.org/bots/api#available-types), ignoring the rest."""

from typing import Annotated

from msgspec import Meta, Struct, field

Seconds = Annotated[int, Meta(ge=0, le=253_402_300_799)]
"""Since 1970, until the year 9999."""


class User(Struct, frozen=True):
    id: int
    first_name: str = ""
    last_name: str = ""
    username: str = ""

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.username


class Chat(Struct, frozen=True):
    id: int
    title: str = ""
    first_name: str = ""
    last_name: str = ""

    @property
    def name(self) -> str:
        return self.title or f"{self.first_name} {self.last_name}".strip()


class File(Struct, frozen=True):
    """Any of the types that are files, such as Document, PhotoSize or Sticker."""

    file_id: str
    file_name: str = ""
    mime_type: str = ""
    file_size: int | None = None
    file_path: str = ""
    is_animated: bool = False
    is_video: bool = False


class Location(Struct, frozen=True):
    latitude: float
    longitude: float


class Venue(Struct, frozen=True):
    location: Location
    title: str


class Known(Struct, frozen=True):
    """A message that another thing names; of one that is no longer accessible nothing else is told."""

    message_id: int
    chat: Chat

    @property
    def external_id(self) -> str:
        """Message ids are unique in their chat alone."""
        return f"{self.chat.id}/{self.message_id}"


class Message(Known, frozen=True):
    date: Seconds
    sender: User | None = field(name="from", default=None)
    sender_chat: Chat | None = None
    edit_date: Seconds | None = None
    reply_to_message: Known | None = None
    text: str | None = None
    caption: str | None = None
    venue: Venue | None = None
    location: Location | None = None
    document: File | None = None
    photo: list[File] = []
    video: File | None = None
    audio: File | None = None
    voice: File | None = None
    video_note: File | None = None
    sticker: File | None = None


class Reaction(Struct, frozen=True):
    type: str
    emoji: str = ""
    custom_emoji_id: str = ""


class MessageReaction(Known, frozen=True):
    date: Seconds
    new_reaction: list[Reaction]
    user: User | None = None
    actor_chat: Chat | None = None


class CallbackQuery(Struct, frozen=True):
    query_id: str = field(name="id")
    sender: User = field(name="from")
    message: Known | None = None
    data: str | None = None


class Membership(Struct, frozen=True):
    status: str
    is_member: bool = True
    can_send_messages: bool = True


class MyChatMember(Struct, frozen=True):
    chat: Chat
    date: Seconds
    new_chat_member: Membership


class Update(Struct, frozen=True):
    update_id: int
    message: Message | None = None
    edited_message: Message | None = None
    message_reaction: MessageReaction | None = None
    callback_query: CallbackQuery | None = None
    my_chat_member: MyChatMember | None = None
