"""The bodies of the simulator's own interface."""

from typing import Annotated, Any, Literal

from pydantic import Field

from connectors.simulator.interface import Body

Standing = Literal["administrator", "member", "left", "kicked"]


class NewBot(Body):
    """`sees_all`: it gets every message of its groups (privacy mode is off)."""

    token: str = Field(pattern=r"^[1-9][0-9]{0,15}:[A-Za-z0-9_-]{3,100}$")
    first_name: str = "Parley"
    username: str | None = None
    sees_all: bool = False


class NewPerson(Body):
    """`started`: they have opened every bot already; else a bot may write only after they have."""

    first_name: str = Field(min_length=1)
    last_name: str | None = None
    username: str | None = Field(None, pattern=r"^[A-Za-z][A-Za-z0-9_]{3,31}$")
    language_code: str | None = None
    number: int | None = Field(None, ge=1, lt=2**52, alias="id")
    started: bool = True


class NewGroup(Body):
    title: str = Field(min_length=1)
    supergroup: bool = True
    members: list[str] = Field(default_factory=list, description="Who is in it: ids, usernames or first names.")
    bot: int | None = None
    bot_is: Standing | None = "member"


class BotStanding(Body):
    standing: Standing
    by: str | None = Field(None, description="Who does it; default: the first member.")
    bot: int | None = None


class By(Body):
    by: str | None = Field(None, description="Who does it; default: the first member.")


class WithBot(Body):
    """`bot` may be left out where there is only one."""

    bot: int | None = None


class InChat(WithBot):
    """`chat` is a group; left out: the private chat with the bot."""

    chat: int | None = None


Mine = Annotated[int | None, Field(description="Left out: the last of the bot.")]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Answered = Annotated[int | Literal["last"] | None, Field(description="`last`: the last of the bot.")]


class Said(InChat):
    """One of `text`, `location`, `kind`."""

    text: str | None = Field(None, min_length=1, max_length=4096, pattern=r"\S")
    location: tuple[Latitude, Longitude] | None = None
    kind: Literal["sticker", "voice", "contact", "dice"] | None = None
    reply_to: Answered = None


class Edited(InChat):
    """`message_id` left out: their own last."""

    message_id: int | None = None
    text: str = Field(min_length=1, max_length=4096, pattern=r"\S")


class Reacted(InChat):
    """`emoji` None takes the reaction back."""

    message_id: Mine = None
    emoji: str | None = None


class Pressed(InChat):
    """`button` is its text or its data; left out: the first."""

    message_id: Mine = None
    button: str | None = None


class Joined(Body):
    chat: int


class RawUpdate(Body):
    update: dict[str, Any]
    chat: int = 0
    bot: int | None = None
