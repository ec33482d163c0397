"""What a platform has to tell of its people's phones, in one form for all."""

from collections.abc import Hashable, Sequence
from typing import Literal, Protocol, Self

from msgspec import Struct

from connectors.simulator.files import Files, Stored

Tick = Literal["", "sent", "delivered", "read"]
Ability = Literal["edit", "unsend", "reply", "react", "file", "place"]


class Phone(Struct, frozen=True):
    """One person's; `address` is what a user of ours maps. `unread`: messages of ours that nobody has looked at.

    `at` is the Unix time of the newest message, 0 where there is none. What is sent to one that is not `online` waits.
    """

    channel: str
    address: str
    name: str
    unread: int = 0
    at: float = 0.0
    online: bool = True


class File(Struct, frozen=True):
    """`id` is what `Phones.files` knows it by; sizes are bytes."""

    id: str
    name: str
    type: str
    size: int

    @classmethod
    def of(cls, stored: Stored) -> Self:
        return cls(stored.file_id, stored.filename, stored.content_type, stored.size)


class Place(Struct, frozen=True, omit_defaults=True):
    """Degrees; `map` is where it is shown."""

    latitude: float
    longitude: float
    name: str = ""
    map: str = ""

    @classmethod
    def at(cls, latitude: float, longitude: float, name: str = "") -> Self:
        where = f"mlat={latitude:.6f}&mlon={longitude:.6f}#map=15/{latitude:.6f}/{longitude:.6f}"
        return cls(latitude, longitude, name, f"https://www.openstreetmap.org/?{where}")


class Button(Struct, frozen=True):
    title: str
    data: str


class Bubble(Struct, frozen=True, omit_defaults=True):
    """A message as the person sees it; `tick` is that of one of their own, as far as the platform shows any.

    `at` is Unix time. `link` is where a file stands that the platform was only told of.
    """

    id: str
    mine: bool
    at: float
    text: str = ""
    file: File | None = None
    place: Place | None = None
    link: str = ""
    what: str = ""
    reply_to: str | None = None
    edited: bool = False
    gone: bool = False
    reactions: tuple[str, ...] = ()
    buttons: tuple[Button, ...] = ()
    tick: Tick = ""


class Phones(Protocol):
    """All phones of one platform, each alone with its first account. What cannot be done raises `Impossible`."""

    @property
    def channel(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def abilities(self) -> frozenset[Ability]: ...

    @property
    def files(self) -> Files: ...

    @property
    def account(self) -> str:
        """The name under which we are known there; empty where there is no account."""

    def version(self) -> Hashable:
        """Another one whenever something may look different; cheap."""

    def people(self) -> Sequence[Phone]: ...

    def add(self, name: str) -> str:
        """Somebody new, who may be written to; their address."""

    def bubbles(self, address: str, most: int) -> Sequence[Bubble]:
        """The newest, the oldest of them first."""

    def say(self, address: str, text: str, reply_to: str | None) -> None: ...

    def send(self, address: str, stored: Stored, text: str | None, base_url: str) -> None:
        """`base_url` is where the simulator is reached, with a slash at its end."""

    def place(self, address: str, latitude: float, longitude: float) -> None: ...

    def react(self, address: str, message: str, emoji: str | None) -> None: ...

    def press(self, address: str, message: str, data: str) -> None: ...

    def edit(self, address: str, message: str, text: str) -> None: ...

    def unsend(self, address: str, message: str) -> None: ...

    def look(self, address: str) -> None:
        """Their eyes are on it: everything is read, and told where the platform tells it."""

    def switch(self, address: str, online: bool) -> None:
        """Off, it gets nothing; on again, it gets what waited."""
