"""What a mapping of a user to a channel is, and which addresses a channel takes."""

from dataclasses import dataclass
from datetime import datetime

from connectors.capabilities import CHANNELS


@dataclass(frozen=True, slots=True)
class Mapping:
    """`address` is canonical: two ways to write one address are one mapping.

    `verified_at`: since when a code that was sent there has proven it; None where nobody asked for a proof.
    """

    channel: str
    address: str
    created_at: datetime
    verified_at: datetime | None = None


def is_channel(name: str) -> bool:
    return name in CHANNELS


def canonical(channel: str, address: str) -> str | None:
    """None where the channel has no such addresses."""
    return CHANNELS[channel].canonical(address)


def address_form(channel: str) -> str:
    """In words for people."""
    return CHANNELS[channel].address.form
