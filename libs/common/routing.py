"""Which deliveries a message needs beside the internal ones, and what becomes of each at first: pure decisions."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from connectors.capabilities import CHANNELS, INTERNAL, Channel
from libs.common.events import ALL_CHANNELS, DeliveryError, DeliveryStatus

Address = tuple[str, str, str]
"""(channel, account, address)"""
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
        mapped = addresses.get(recipient) or _of_contact(recipient)
        wanted = [c for c in CHANNELS if c in asked or (ALL_CHANNELS in asked and c in mapped)]
        targets += [Target(recipient, c, mapped.get(c)) for c in wanted]
    return targets


def _of_contact(recipient: str) -> Mapping[str, str]:
    """Somebody who is known by an address alone has it in their name: `telegram:42`."""
    channel, _, address = recipient.partition(":")
    return {channel: address} if address and channel in CHANNELS else {}


@dataclass(frozen=True, slots=True)
class Contact:
    """What is known of an address at one account; `refusal`: why it cannot be reached, as its platform says it.

    `closed_for`: the platform has said that the window which a message of that time opened is closed. `moved_to`: the
    address that they have since; the rest is what is known of both.
    """

    wrote_at: datetime | None = None
    reached_at: datetime | None = None
    refusal: str | None = None
    closed_for: datetime | None = None
    moved_to: str | None = None


NOBODY_YET = Contact()
_NEVER = datetime.min.replace(tzinfo=UTC)


def choose_account(accounts: Sequence[str], known: Mapping[str, Contact]) -> str:
    """Of these that are configured, in their order, by which one writes to an address; `known`: of each account.

    By the one that they wrote to last; else that by which they were reached last; else the first.
    """

    def recent(account: str) -> tuple[datetime, datetime]:
        contact = known.get(account, NOBODY_YET)
        return contact.wrote_at or _NEVER, contact.reached_at or _NEVER

    return max(accounts, key=recent)


@dataclass(frozen=True, slots=True)
class Window:
    """How long we may write freely; `expires_at` is None where they have never written, or nobody knows any more."""

    is_open: bool
    expires_at: datetime | None = None


def window_of(channel: Channel, contact: Contact, at: datetime) -> Window | None:
    """None where the channel has none. Each message of theirs opens it anew; ours do not."""
    if channel.window is None:
        return None
    if contact.wrote_at is None or (contact.closed_for and contact.wrote_at <= contact.closed_for):
        return Window(is_open=False)
    expires_at = contact.wrote_at + timedelta(hours=channel.window.hours)
    return Window(at < expires_at, expires_at)


def refusal_of(channel: Channel, contact: Contact, at: datetime) -> DeliveryError | None:
    """Why the platform would not take a message to them now."""
    if contact.refusal:
        return DeliveryError(contact.refusal, f"{channel.title} has told that the recipient cannot be reached.")
    window = window_of(channel, contact, at)
    if channel.window and window and not window.is_open:
        title, hours = channel.title, channel.window.hours
        return DeliveryError("window_closed", f"On {title} one may write within {hours} h of their last message.")
    return None


def resolve_channels(asked: Sequence[str], targets: Iterable[Target]) -> list[str]:
    """What was asked by name, in that order, and for "all" internal and what it came to."""
    named = [c for c in asked if c != ALL_CHANNELS]
    if ALL_CHANNELS in asked:
        used = {t.channel for t in targets}
        named += [INTERNAL, *(c for c in CHANNELS if c in used)]
    return list(dict.fromkeys(named))


def first_failure(
    target: Target, configured: Collection[str], at: datetime, contact: Contact = NOBODY_YET
) -> DeliveryError | None:
    """Why this delivery can never be tried; a channel that is not there fails everybody, whatever their addresses.

    Who cannot be reached is refused here, as their platform would. Of a window only what holds for every account.
    """
    title = CHANNELS[target.channel].title
    if target.channel not in configured:
        return DeliveryError("channel_not_configured", f"{title} is not configured on this platform.")
    if target.address is None:
        return DeliveryError("no_address", f"The recipient has no address on {title}.")
    return refusal_of(CHANNELS[target.channel].at_its_widest, contact, at)


def first_status(failure: DeliveryError | None) -> DeliveryStatus:
    return "FAILED" if failure else "QUEUED"
