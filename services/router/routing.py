"""Which deliveries a message needs beside the internal ones, and what becomes of each at first: pure decisions."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from connectors.capabilities import CHANNELS, INTERNAL
from libs.common.events import ALL_CHANNELS, DeliveryError, DeliveryStatus

Addresses = Mapping[str, Mapping[str, str]]
"""username → channel → address"""


@dataclass(frozen=True, slots=True)
class Target:
    """A recipient on an external channel; `address` is None where they have none there."""

    recipient: str
    channel: str
    address: str | None


def choose_targets(recipients: Iterable[str], asked: Collection[str], addresses: Addresses) -> list[Target]:
    """One per recipient and external channel that was asked for by name, or by "all" where the recipient has it."""
    targets = []
    for recipient in recipients:
        mapped = addresses.get(recipient, {})
        wanted = [c for c in CHANNELS if c in asked or (ALL_CHANNELS in asked and c in mapped)]
        targets += [Target(recipient, c, mapped.get(c)) for c in wanted]
    return targets


def resolve_channels(asked: Sequence[str], targets: Iterable[Target]) -> list[str]:
    """What was asked by name, in that order, and for "all" internal and what it came to."""
    named = [c for c in asked if c != ALL_CHANNELS]
    if ALL_CHANNELS in asked:
        used = {t.channel for t in targets}
        named += [INTERNAL, *(c for c in CHANNELS if c in used)]
    return list(dict.fromkeys(named))


def first_failure(target: Target, configured: Collection[str]) -> DeliveryError | None:
    """Why this delivery can never be tried; a channel that is not there fails everybody, whatever their addresses."""
    title = CHANNELS[target.channel].title
    if target.channel not in configured:
        return DeliveryError("channel_not_configured", f"{title} is not configured on this platform.")
    if target.address is None:
        return DeliveryError("no_address", f"The recipient has no address on {title}.")
    return None


def first_status(failure: DeliveryError | None) -> DeliveryStatus:
    return "FAILED" if failure else "QUEUED"
