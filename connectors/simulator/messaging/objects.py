"""Accounts, people and messages, and the forms in which webhooks tell of them."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.simulator.files import Stored
from connectors.simulator.meta.outlet import Outlet

Json = dict[str, Any]


@dataclass
class Account:
    """`app_fields` is what its app, `fields` what the account itself has subscribed."""

    id: str
    token: str
    name: str
    app_id: str
    app_secret: str
    outlet: Outlet
    app_fields: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()

    @property
    def app_token(self) -> str:
        return f"{self.app_id}|{self.app_secret}"


@dataclass
class Person:
    """`wrote_at`: when they last wrote to an account. `is_online`: what is sent is delivered at once."""

    id: str
    first_name: str
    last_name: str | None = None
    is_online: bool = True
    wrote_at: dict[str, float] = field(default_factory=dict)
    blocked: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Message:
    """`at` is in milliseconds; `attachments` as webhooks tell them; `edits` counts; `stored` is a file in it.

    `is_read` is of either side: of theirs, that we have marked it as seen.
    """

    mid: str
    account: str
    person: str
    is_ours: bool
    at: int
    text: str | None = None
    attachments: Sequence[Json] = ()
    quick_replies: Sequence[Json] = ()
    reply_to: str | None = None
    edits: int = 0
    is_unsent: bool = False
    is_delivered: bool = False
    is_read: bool = False
    reactions: dict[str, str] = field(default_factory=dict)
    stored: Stored | None = None

    @property
    def id(self) -> str:
        return self.mid

    @property
    def sent_at(self) -> float:
        return self.at / 1000

    @property
    def has_arrived(self) -> bool:
        """What waits for a phone that is off is not on it."""
        return self.is_delivered or not self.is_ours

    @property
    def kind(self) -> str:
        return str(self.attachments[0]["type"]) if self.attachments else "text"

    def as_json(self, more: Mapping[str, Any] = {}) -> Json:
        """As its webhook has it."""
        if self.is_unsent:
            return {"mid": self.mid, "is_deleted": True}
        told: Json = {
            "mid": self.mid,
            "text": self.text,
            "attachments": [*self.attachments] or None,
            "reply_to": {"mid": self.reply_to} if self.reply_to else None,
            **more,
        }
        return {name: value for name, value in told.items() if value is not None}


@dataclass(frozen=True)
class Attached:
    """A file that was brought to be sent later."""

    account: str
    type: str
    stored: Stored | None
    url: str | None = None


def new_mid() -> str:
    return f"m_{secrets.token_urlsafe(40)}"


def new_attachment_id() -> str:
    return str(10**15 + secrets.randbelow(9 * 10**15))
