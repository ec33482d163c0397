"""Who of a conversation can be reached where, by which account, and until when: as the router would find it now."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import msgspec

from connectors.capabilities import CHANNELS, Channel
from libs.common.clock import now, rfc3339
from libs.common.configured import NONE, Accounts
from libs.common.errors import Unavailable
from libs.common.routing import (
    NOBODY_YET,
    Address,
    Addresses,
    Contact,
    Target,
    Window,
    choose_account,
    choose_targets,
    window_of,
)
from libs.common.shapes import Someone, Time, shown


class WindowView(msgspec.Struct, frozen=True):
    """Whether a recipient may be written to on a channel that closes some time after their last message.

    `open` and `expires_at` are of the window that holds for everybody.
    """

    recipient: Someone
    channel: Annotated[str, shown(enum=[name for name, channel in CHANNELS.items() if channel.window])]
    open: bool
    expires_at: Annotated[Time, shown("Null where they have not written, or it is closed for another reason.")] | None
    people_until: (
        Annotated[
            Time,
            shown(
                "Until when a message goes all the same, as the account that would write answers for people of ours "
                "(`human_agent`); null where it does not."
            ),
        ]
        | None
    )


class Reached(NamedTuple):
    """`account` would write, and knows this of them; None where there is no address or no account.

    `is_for_people`: people of ours answer there, so that its window is the longer one of its channel.
    """

    target: Target
    account: str | None
    contact: Contact
    is_for_people: bool = False

    @property
    def channel(self) -> Channel:
        """What the account can do."""
        channel = CHANNELS[self.target.channel]
        return channel.at_its_widest if self.is_for_people else channel


@dataclass(frozen=True)
class Reaching:
    """`addresses` gives None, and `accounts` raises `Unavailable`, until etcd has told for the first time.

    `for_people`: the accounts that answer for people of ours.
    """

    addresses: Callable[[], Addresses | None]
    accounts: Callable[[], Accounts]
    people: Callable[[Addresses, Collection[str]], Awaitable[Addresses]]
    contacts: Callable[[Collection[Address]], Awaitable[Mapping[Address, Contact]]]
    for_people: Callable[[], Accounts] = lambda: NONE

    async def look(self, recipients: Collection[str], asked: Collection[str]) -> list[Reached]:
        """One for each recipient and external channel that was asked for. Raises `Unavailable`."""
        addresses, accounts = self.addresses(), self.accounts()
        if addresses is None:
            raise Unavailable("etcd", "the addresses of users are not known yet")
        targets = choose_targets(recipients, asked, await self.people(addresses, recipients))
        known = await self.contacts([place for target in targets for place in _places(target, accounts)])
        for_people = self.for_people()
        return [_reached(target, _places(target, accounts), known, for_people) for target in targets]

    async def windows(self, recipients: Collection[str]) -> list[WindowView] | None:
        """Of those who have an address on a channel that closes; None while that is not known."""
        closing = [name for name, channel in CHANNELS.items() if channel.window]
        try:
            found = await self.look(recipients, closing)
        except Unavailable:
            return None
        at, views = now(), []
        for one in found:
            target, window = one.target, window_of(CHANNELS[one.target.channel], one.contact, at)
            if target.address and window:
                until = window_of(one.channel, one.contact, at) if one.is_for_people else None
                ends = _shown(window), _shown(until) if until else None
                views.append(WindowView(target.recipient, target.channel, window.is_open, *ends))
        return views


def _places(target: Target, accounts: Accounts) -> list[Address]:
    """Their address at each account that may write."""
    if target.address is None:
        return []
    return [(target.channel, account, target.address) for account in accounts.get(target.channel, ())]


def _shown(window: Window) -> str | None:
    return rfc3339(window.expires_at) if window.expires_at else None


def _reached(
    target: Target, places: Sequence[Address], known: Mapping[Address, Contact], for_people: Accounts
) -> Reached:
    if not places:
        return Reached(target, None, NOBODY_YET)
    of_account = {account: known.get((c, account, a), NOBODY_YET) for c, account, a in places}
    account = choose_account([*of_account], of_account)
    return Reached(target, account, of_account[account], account in for_people.get(target.channel, ()))
