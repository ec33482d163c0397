"""What is shown of a channel: all facts of the registry, and whether this platform has an account there."""

from collections.abc import Collection, Mapping
from typing import Annotated, Any

import msgspec

from connectors.capabilities import EVERY_CHANNEL, INTERNAL, Channel
from connectors.capabilities import channel as facts
from libs.common.shapes import shown


class AddressForm(msgspec.Struct, frozen=True):
    """`form` says in words what `pattern` (a regular expression) takes."""

    pattern: str
    form: str


class ChannelView(msgspec.Struct, frozen=True, kw_only=True):
    """What the platform can do, of which Parley may use less; null is "none", or no limit that is published.

    `status_ceiling` is the highest status that it can report, `reports` are all of them. `first_contact`: whether we
    may write first. `window`: how long after their last message we may write freely. Sizes of files are bytes.
    """

    channel: str
    title: str
    configured: Annotated[bool, shown("Whether this platform has an account there: else deliveries fail.")]
    address: AddressForm
    status_ceiling: facts.StatusCeiling
    reports: tuple[facts.StatusCeiling, ...]
    text: facts.TextLimit
    caption: facts.TextLimit | None
    files: facts.Files
    location: facts.Places
    typing: facts.Typing
    edit: facts.Change
    unsend: facts.Change
    reactions: facts.Reacting
    buttons: facts.Buttons
    rows: facts.Rows | None
    first_contact: str
    window: facts.Window | None
    throttles: tuple[facts.Throttle, ...]
    notes: tuple[str, ...]


class ChannelPage(msgspec.Struct, frozen=True):
    """All there are: internal first."""

    items: list[ChannelView]
    next_cursor: None = None


def show_channels(configured: Collection[str], channels: Mapping[str, Channel] = EVERY_CHANNEL) -> dict[str, Any]:
    """A `ChannelPage`, as JSON values; every fact is there, also where it is as it is by default."""
    names = sorted(channels, key=lambda name: name != INTERNAL)
    return {
        "items": [_view(name, channels[name], name in {INTERNAL, *configured}) for name in names],
        "next_cursor": None,
    }


def _view(name: str, channel: Channel, is_configured: bool) -> dict[str, Any]:
    known = {"channel": name, "configured": is_configured, **_plain(channel)}
    known["address"] = {field: known["address"][field] for field in AddressForm.__struct_fields__}
    return {field: known[field] for field in ChannelView.__struct_fields__}


def _plain(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return {field: _plain(getattr(value, field)) for field in value.__struct_fields__}
    return [_plain(one) for one in value] if isinstance(value, tuple) else value
