"""What we read of the Cloud API's answers and webhooks, ignoring the rest.

https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/components
"""

from typing import Annotated

from msgspec import Meta, Raw, Struct, field

Seconds = Annotated[str, Meta(pattern=r"^[0-9]{1,13}$")]
"""Since 1970, as a text; milliseconds have been seen."""


class Number(Struct, frozen=True):
    id: str
    display_phone_number: str = ""
    verified_name: str = ""


class Known(Struct, frozen=True):
    """Somebody or something with an id."""

    id: str


class Whom(Struct, frozen=True):
    wa_id: str = ""


class Accepted(Struct, frozen=True):
    messages: Annotated[list[Known], Meta(min_length=1)]
    contacts: list[Whom] = []


class Done(Struct, frozen=True):
    success: bool


class MediaUrl(Struct, frozen=True):
    """The size comes as a number or as a text."""

    url: str
    mime_type: str
    file_size: int | str | None = None

    @property
    def size(self) -> int | None:
        told = str(self.file_size)
        return int(told) if told.isdecimal() else None


class Metadata(Struct, frozen=True):
    phone_number_id: str = ""


class Profile(Struct, frozen=True):
    name: str = ""
    username: str = ""


class Contact(Struct, frozen=True):
    profile: Profile = Profile()
    wa_id: str = ""
    user_id: str = ""

    @property
    def name(self) -> str:
        return self.profile.name or self.profile.username


class Value(Struct, frozen=True):
    """What a change of the field `messages` says, its things still unread."""

    metadata: Metadata = Metadata()
    contacts: list[Raw] = []
    messages: list[Raw] = []
    statuses: list[Raw] = []


class Change(Struct, frozen=True):
    field: str
    value: Raw = Raw(b"null")


class Entry(Struct, frozen=True):
    changes: list[Raw]


class MessageHead(Struct, frozen=True):
    """Whose message it is: with a username the number is left out."""

    id: str
    number: str = field(name="from", default="")
    from_user_id: str = ""

    @property
    def address(self) -> str:
        return self.number or self.from_user_id


class StatusHead(Struct, frozen=True):
    id: str
    status: str
    recipient_id: str = ""
    recipient_user_id: str = ""

    @property
    def address(self) -> str:
        return self.recipient_id or self.recipient_user_id


class Words(Struct, frozen=True):
    body: str


class Media(Struct, frozen=True):
    id: str
    mime_type: str
    caption: str | None = None
    filename: str = ""


class Spot(Struct, frozen=True):
    latitude: float
    longitude: float
    name: str = ""
    address: str = ""


class Named(Struct, frozen=True):
    formatted_name: str = ""
    first_name: str = ""


class Phone(Struct, frozen=True):
    phone: str = ""


class Card(Struct, frozen=True):
    """A person of somebody's address book."""

    name: Named = Named()
    phones: list[Phone] = []

    @property
    def words(self) -> str:
        return ", ".join(
            filter(None, (self.name.formatted_name or self.name.first_name, *(p.phone for p in self.phones)))
        )


class Button(Struct, frozen=True):
    payload: str
    text: str


class Choice(Struct, frozen=True):
    id: str
    title: str


class Interactive(Struct, frozen=True):
    type: str
    button_reply: Choice | None = None
    list_reply: Choice | None = None


class Reaction(Struct, frozen=True):
    message_id: str
    emoji: str = ""


class System(Struct, frozen=True):
    type: str = ""
    wa_id: str = ""
    user_id: str = ""


class Answered(Struct, frozen=True):
    id: str | None = None


class Message(MessageHead, frozen=True, kw_only=True):
    timestamp: Seconds
    type: str
    context: Answered = Answered()
    text: Words | None = None
    image: Media | None = None
    audio: Media | None = None
    video: Media | None = None
    document: Media | None = None
    sticker: Media | None = None
    voice: Media | None = None
    location: Spot | None = None
    contacts: list[Card] = []
    button: Button | None = None
    interactive: Interactive | None = None
    reaction: Reaction | None = None
    system: System | None = None


class ErrorData(Struct, frozen=True):
    details: str = ""


class Error(Struct, frozen=True):
    code: int
    title: str = ""
    message: str = ""
    error_data: ErrorData = ErrorData()

    @property
    def words(self) -> str:
        said = dict.fromkeys(filter(None, (self.title, self.message, self.error_data.details)))
        return f"{self.code}: {'. '.join(said)}" if said else str(self.code)


class Status(StatusHead, frozen=True, kw_only=True):
    timestamp: Seconds
    errors: list[Error] = []
