"""Which channels are built, and which accounts of them are configured."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import httpx
import msgspec

from connectors import instagram, messenger, telegram, whatsapp
from connectors.capabilities import CHANNELS, Channel
from connectors.sdk import Connector

ACCOUNT = re.compile(r"[a-z0-9][a-z0-9-]{0,31}", re.ASCII)
"""It becomes a part of topics and URLs."""


class Built(NamedTuple):
    """The type of an account's settings (a struct that names its `switch`), and what makes a connector of them."""

    settings: Any
    connector: Callable[[httpx.AsyncClient, Any], Connector]


BUILT: Mapping[str, Built] = {
    "telegram": Built(telegram.Settings, telegram.Telegram),
    "whatsapp": Built(whatsapp.Settings, whatsapp.WhatsApp),
    "messenger": Built(messenger.Settings, messenger.page),
    "instagram": Built(instagram.Settings, instagram.account),
}


class Misconfigured(Exception):
    """Says which account lacks what, never a value."""


class Configured(NamedTuple):
    channel: str
    account: str
    settings: Any

    def connector(self, http: httpx.AsyncClient) -> Connector:
        return BUILT[self.channel].connector(http, self.settings)

    @property
    def capabilities(self) -> Channel:
        """Those of its channel, and what this account's own server takes."""
        channel = CHANNELS[self.channel].taking_files_of(self.settings.max_file_bytes)
        return channel.at_its_widest if self.is_for_people else channel

    @property
    def is_for_people(self) -> bool:
        """Whether people of ours answer there, and no program, so that the longer window is theirs."""
        return bool(getattr(self.settings, "human_agent", False))


class Off(NamedTuple):
    """An account without credentials."""

    channel: str
    account: str
    why: str

    def __str__(self) -> str:
        return f"{self.channel}/{self.account} is off: {self.why}"


class Accounts(NamedTuple):
    on: list[Configured]
    off: list[Off]


def read_accounts(configured: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Accounts:
    """From channel → account → its settings; a text may stand for a number. Raises `Misconfigured`."""
    accounts = Accounts([], [])
    for channel, of_channel in configured.items():
        if channel not in BUILT:
            raise Misconfigured(f"{channel}: there is no such channel; there are {', '.join(BUILT)}")
        for account, given in of_channel.items():
            _add(accounts, channel, account, given)
    return accounts


def _add(accounts: Accounts, channel: str, account: str, given: Mapping[str, Any]) -> None:
    settings, said = BUILT[channel].settings, {name: value for name, value in given.items() if value != ""}
    if not ACCOUNT.fullmatch(account):
        raise Misconfigured(f"{channel}/{account}: an account's name is up to 32 of a-z, 0-9 and -")
    if settings.switch not in said:
        accounts.off.append(Off(channel, account, f"{settings.switch} is not set"))
        return
    if missing := [f.encode_name for f in msgspec.structs.fields(settings) if f.required and f.encode_name not in said]:
        raise Misconfigured(f"{channel}/{account}: {', '.join(missing)} is missing, and without it nothing is started")
    try:
        accounts.on.append(Configured(channel, account, msgspec.convert(said, settings, strict=False)))
    except msgspec.ValidationError as error:
        raise Misconfigured(f"{channel}/{account}: {error}") from None
