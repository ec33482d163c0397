"""Numbers, people and messages, and the forms in which webhooks tell of them."""

import secrets
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any

from connectors.simulator.files import Stored
from connectors.simulator.meta.outlet import Outlet

Json = dict[str, Any]
ON_THE_PHONE = {"delivered", "read", "played"}


@dataclass
class Account:
    """A number of ours; `id` is Meta's id of it."""

    id: str
    token: str
    number: str
    name: str
    app_secret: str
    outlet: Outlet

    @property
    def metadata(self) -> Json:
        return {"display_phone_number": self.number, "phone_number_id": self.id}


@dataclass
class Person:
    """`number` empty: they show a username alone, and are known by `user_id`. Phones that are off get nothing so far.

    `wrote_at`: when they last wrote to a number of ours.
    """

    first_name: str
    number: str
    user_id: str
    username: str | None = None
    is_online: bool = True
    reads: bool = False
    wrote_at: dict[str, float] = field(default_factory=dict)
    blocked: set[str] = field(default_factory=set)

    @property
    def id(self) -> str:
        return self.number or self.user_id

    def as_contact(self) -> Json:
        username = {"username": self.username} if self.username else {}
        told = {"wa_id": self.number, "user_id": self.user_id}
        return {
            "profile": {"name": self.first_name, **username},
            **{name: value for name, value in told.items() if value},
        }

    def as_sender(self) -> Json:
        told = {"from": self.number, "from_user_id": self.user_id}
        return {name: value for name, value in told.items() if value}

    def as_recipient(self) -> Json:
        told = {"recipient_id": self.number, "recipient_user_id": self.user_id}
        return {name: value for name, value in told.items() if value}


@dataclass(slots=True)
class Message:
    """`content` is what stands below its type; `statuses` are those that were told. Of theirs, `is_seen`:
    we have marked it as read.
    """

    wamid: str
    account: str
    person: str
    is_ours: bool
    at: float
    type: str
    content: Any
    reply_to: str | None = None
    statuses: list[str] = field(default_factory=list)
    is_seen: bool = False

    @property
    def id(self) -> str:
        return self.wamid

    @property
    def kind(self) -> str:
        return self.type

    @property
    def sent_at(self) -> float:
        return self.at

    @property
    def is_read(self) -> bool:
        return self.is_seen or "read" in self.statuses

    @property
    def is_unsent(self) -> bool:
        """No webhook tells of it."""
        return False

    @property
    def has_arrived(self) -> bool:
        """What waits for a phone that is off, or was refused, is not on it."""
        return not self.is_ours or bool(ON_THE_PHONE & {*self.statuses})

    @property
    def text(self) -> str | None:
        if not isinstance(self.content, dict):
            return None
        said = self.content.get("body") or self.content.get("caption")
        if self.type == "interactive":
            said = self.content.get("body", {}).get("text")
        return said if isinstance(said, str) else None


@dataclass(frozen=True)
class Media:
    """A file that was brought, or came from a person."""

    account: str
    stored: Stored


def new_wamid() -> str:
    return f"wamid.{b64encode(secrets.token_bytes(40)).decode()}"


def new_media_id() -> str:
    return str(10**15 + secrets.randbelow(9 * 10**15))


def new_user_id() -> str:
    return f"US.{10**19 + secrets.randbelow(9 * 10**19)}"
