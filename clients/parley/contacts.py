"""People on platforms, as operators see them: contacts, which of them are one person, and merging."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct


class Identity(Struct, frozen=True, kw_only=True):
    """An address from which verified updates came; `user`: who has mapped it."""

    channel: str
    kind: str
    value: str
    since: datetime
    verified_by: str = ""
    user: str | None = None


class Merged(Struct, frozen=True):
    """`by` is None where the platform itself said so."""

    into: str
    by: str | None
    at: datetime


class Contact(Struct, frozen=True, kw_only=True):
    """`current` is the address that was used last."""

    name: str
    display_name: str = ""
    identities: tuple[Identity, ...] = ()
    current: str = ""
    since: datetime
    merged: Merged | None = None


class ContactPage(Struct, frozen=True):
    items: tuple[Contact, ...]
    next_cursor: str | None = None


class ContactPerson(Struct, frozen=True):
    """Contacts that are one person; `addresses`: channel → where messages for the one asked for go."""

    name: str
    contacts: tuple[Contact, ...]
    addresses: Mapping[str, str]


class ContactConversation(Struct, frozen=True):
    conversation_id: str
    type: str
    title: str | None
    members: tuple[str, ...]


class Objection(Struct, frozen=True):
    """`blocking`: it cannot be done; else this is what comes of it."""

    code: str
    detail: str
    blocking: bool


class Merging(Struct, frozen=True):
    """`outcome` is preview, merged or already_merged."""

    outcome: str
    person: ContactPerson
    conversations: tuple[ContactConversation, ...] = ()
    objections: tuple[Objection, ...] = ()


class Unmerging(Struct, frozen=True):
    """`outcome` is unmerged or not_merged."""

    outcome: str
    person: ContactPerson
