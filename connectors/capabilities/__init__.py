"""What each channel is and can do, as data: `channels.json`, in the form of `channel.py`, with its sources."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from connectors.capabilities.channel import Channel, StatusCeiling, TextLimit, Throttle

__all__ = ["CHANNELS", "EVERY_CHANNEL", "INTERNAL", "Channel", "StatusCeiling", "TextLimit", "Throttle"]

INTERNAL = "internal"

EVERY_CHANNEL: Mapping[str, Channel] = msgspec.json.decode(
    (Path(__file__).parent / "channels.json").read_bytes(), type=dict[str, Channel]
)
CHANNELS: Mapping[str, Channel] = {name: channel for name, channel in EVERY_CHANNEL.items() if name != INTERNAL}
"""The channels beside internal, by name."""
