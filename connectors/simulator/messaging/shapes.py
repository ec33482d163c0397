"""The bodies of the simulator's own interface for Messenger and Instagram."""

from typing import Annotated, Any, Literal

from pydantic import Field

from connectors.simulator.interface import Body
from connectors.simulator.meta.shapes import WithAccount

Id = Annotated[str, Field(pattern=r"^[1-9][0-9]{4,24}$")]


class NewAccount(Body):
    """A page or a professional account, with an app of its own."""

    id: Id
    token: str = Field(pattern=r"^[!-~]{3,1024}$")
    app_id: Id
    app_secret: str = Field(min_length=1)
    name: str = "Parley"


class NewPerson(Body):
    """`started`: they have just written to every account; else nobody may write to them."""

    first_name: str = Field(min_length=1)
    last_name: str | None = None
    id: Id | None = None
    started: bool = True


class Said(WithAccount):
    text: str = Field(min_length=1, max_length=20_000)
    reply_to: str | None = Field(None, description="`last`: the account's last.")


class Edited(WithAccount):
    """`message_id` left out: their own last."""

    message_id: str | None = None
    text: str = Field(min_length=1, max_length=20_000)


class Unsent(WithAccount):
    """`message_id` left out: their own last."""

    message_id: str | None = None


class Delivered(WithAccount):
    """`with_mids` false tells a time alone."""

    with_mids: bool = True


class Online(Body):
    """Whether what is sent to them is delivered at once."""

    online: bool


class RawUpdate(WithAccount):
    """`event` goes out unchecked; `object` and `entry` in its place make the whole body."""

    event: dict[str, Any]
    chat: str = ""


Kind = Literal["image", "video", "audio", "file"]
