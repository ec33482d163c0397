"""In what Meta's platforms differ for all that they have in common."""

from dataclasses import dataclass
from typing import Protocol

from connectors.capabilities import CHANNELS, Channel


class Named(Protocol):
    """`one` is what an account is called there, such as `a number`."""

    @property
    def name(self) -> str: ...

    @property
    def one(self) -> str: ...

    @property
    def channel(self) -> Channel: ...


@dataclass(frozen=True)
class Plain:
    """A platform of which nothing else has to be said."""

    name: str
    one: str

    @property
    def channel(self) -> Channel:
        return CHANNELS[self.name]
