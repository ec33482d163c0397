"""The bodies of the simulator's own interface that are the same on Meta's platforms."""

from pydantic import Field

from connectors.simulator.interface import Body


class WithAccount(Body):
    """`bot` is the id of an account; it may be left out where there is only one."""

    bot: str | None = None


class Reacted(WithAccount):
    """`message_id` left out: the account's last. `emoji` None takes the reaction back."""

    message_id: str | None = None
    emoji: str | None = None


class Pressed(WithAccount):
    """`button` is the title or the id of one that stands under a message; left out, it is the first."""

    message_id: str | None = None
    button: str | None = None


class Waited(WithAccount):
    hours: float = Field(ge=0)
