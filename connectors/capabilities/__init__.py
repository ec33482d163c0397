"""What each channel is and can do, as data (`channels.json`): names, forms of addresses, the highest status.

Sources: the platforms' own descriptions of chat ids, phone numbers and scoped user ids; Telegram bots are told of no
delivery and no reading, so its ceiling is SENT.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

INTERNAL = "internal"

StatusCeiling = Literal["SENT", "DELIVERED", "READ"]


class AddressForm(msgspec.Struct, frozen=True):
    """`form` says in words what `pattern` takes; `ignored_prefix` may stand before an address and says nothing."""

    pattern: str
    form: str
    ignored_prefix: str = ""


class Channel(msgspec.Struct, frozen=True):
    """`status_ceiling` is the highest status that the platform can report."""

    title: str
    address: AddressForm
    status_ceiling: StatusCeiling

    def canonical(self, address: str) -> str | None:
        """The one way to write this address; None where it has not the channel's form."""
        plain = address.removeprefix(self.address.ignored_prefix)
        return plain if re.fullmatch(self.address.pattern, plain, re.ASCII) else None


CHANNELS: Mapping[str, Channel] = msgspec.json.decode(
    (Path(__file__).parent / "channels.json").read_bytes(), type=dict[str, Channel]
)
"""The channels beside internal, by name."""
