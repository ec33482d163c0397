"""How values look from outside: annotations that the documents of the API show, and that decide nothing in parsing."""

from typing import Annotated, Any

import msgspec


def shown(description: str | None = None, **schema: Any) -> msgspec.Meta:
    """JSON Schema for a field, e.g. `Annotated[str, shown(maxLength=64)]`; the code behind it does the checking."""
    return msgspec.Meta(description=description, extra_json_schema=schema or None)


AN_ID = "0199a5c4-7d1e-7c3a-9b52-3f1c0d2e4a10"
Uuid = Annotated[str, shown(format="uuid", examples=[AN_ID])]
Time = Annotated[str, shown(format="date-time", examples=["2026-11-21T10:15:30.123Z"])]
Username = Annotated[str, shown(pattern="^[a-z][a-z0-9._-]{2,63}$", examples=["ana"])]
"""Of people here; contacts on other channels have a `:` in theirs."""
Someone = Annotated[str, shown(examples=["ben"])]
"""Somebody in a conversation: one of the people here, or a contact on another channel."""
Number = Annotated[int, shown(minimum=1, maximum=2**63 - 1, examples=[7])]
"""A sequence number: 1, 2, 3, … in each conversation."""
