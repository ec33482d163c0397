"""The bodies of the simulator's own interface for WhatsApp."""

from typing import Annotated, Any, Literal

from pydantic import Field

from connectors.simulator.interface import Body
from connectors.simulator.meta.shapes import WithAccount

Digits = Annotated[str, Field(pattern=r"^[1-9][0-9]{6,14}$")]
Odd = Literal["contacts", "sticker", "order", "unsupported"]


class NewAccount(Body):
    """A number of ours."""

    id: str = Field(pattern=r"^[0-9]{1,32}$")
    token: str = Field(pattern=r"^[!-~]{3,1024}$")
    number: Digits = "15550783881"
    app_secret: str = Field(min_length=1)
    name: str = "Parley"


class NewPerson(Body):
    """`username`: they show it in place of their number. `started`: they have just written to every number of ours.

    `reads`: what reaches their phone is read at once.
    """

    first_name: str = Field(min_length=1)
    number: Digits | None = None
    username: str | None = None
    started: bool = True
    reads: bool = False


class Said(WithAccount):
    """One of `text`, `location` and `kind`."""

    text: str | None = Field(None, min_length=1, max_length=65_536)
    location: tuple[float, float] | None = None
    kind: Odd | None = None
    reply_to: str | None = Field(None, description="`last`: the number's last.")


class Played(WithAccount):
    """`message_id` left out: our last."""

    message_id: str | None = None


class Online(WithAccount):
    """Whether what is sent to them is delivered at once, and read at once."""

    online: bool
    reads: bool | None = None


class Moved(WithAccount):
    number: Digits


class RawUpdate(WithAccount):
    """`change` goes out unchecked, beside what else waits."""

    change: dict[str, Any]
    chat: str = ""
