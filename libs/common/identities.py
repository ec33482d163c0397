"""Who of the people on platforms is the same person: contacts, their identities, and marks that put them together.

Pure. A mark is set on one contact and taken off again; nothing else of a contact ever changes by it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

Kind = Literal["id", "phone", "bsuid"]
PLATFORM = ":platform"
"""Who puts contacts together whom their platform says to be one account. No operator can have such a name."""

UserOf = Callable[[str, str], str | None]
"""(channel, address) → the user who has mapped it. Raises `Unavailable` while that is not known."""


def name_of(channel: str, value: str) -> str:
    """Somebody who is known by an address alone. No user can have such a name."""
    return f"{channel}:{value}"


def kind_of(channel: str, value: str) -> Kind:
    if channel != "whatsapp":
        return "id"
    return "phone" if value.isdecimal() else "bsuid"


@dataclass(frozen=True, slots=True)
class Identity:
    """An address from which verified updates came, first at `since`."""

    channel: str
    kind: Kind
    value: str
    since: datetime

    @property
    def name(self) -> str:
        return name_of(self.channel, self.value)


@dataclass(frozen=True, slots=True)
class Merged:
    """Who it is: the contact `into`, since `at`, as `by` says."""

    into: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Contact:
    """An account of somebody on a channel. `name` is that of its first identity; conversations know it.

    `current`: the value of the identity that was used last.
    """

    name: str
    identities: tuple[Identity, ...]
    current: str
    display_name: str
    since: datetime
    merged: Merged | None = None

    @property
    def channel(self) -> str:
        return self.name.partition(":")[0]


class Met(NamedTuple):
    """Somebody did something: as `value`, and the platform says that it is the same account as `also`."""

    channel: str
    value: str
    also: tuple[str, ...]
    display_name: str
    at: datetime

    @property
    def names(self) -> list[str]:
        return [name_of(self.channel, value) for value in dict.fromkeys([self.value, *self.also])]


class Who(NamedTuple):
    """Under which names somebody may be a member, the likeliest first, and by which a conversation begins."""

    names: tuple[str, ...]
    begins: str


class People:
    """Contacts, and with each all those that are the same person: what is missing is nobody."""

    def __init__(self, contacts: Iterable[Contact] = ()) -> None:
        self._contacts = {contact.name: contact for contact in contacts}
        self._owners = {i.name: c.name for c in self._contacts.values() for i in c.identities}
        self._groups: dict[str, list[str]] = {}
        for name in sorted(self._contacts):
            self._groups.setdefault(self.root(name), []).append(name)

    def get(self, name: str) -> Contact | None:
        return self._contacts.get(name)

    def names(self, name: str) -> list[str]:
        """Under which this person may be known: those of the contact itself first, and of each all its identities."""
        found = [name]
        for contact in self.group(self.owner(name)):
            found += [contact.name, *(identity.name for identity in contact.identities)]
        return list(dict.fromkeys(found))

    def owner(self, name: str) -> str:
        """The contact that has this identity, which may bear another name."""
        return self._owners.get(name, name)

    def root(self, name: str) -> str:
        """Who it is in the end. Where marks go round, which two operators may bring about at once, the first name."""
        path: list[str] = []
        while name not in path:
            path.append(name)
            contact = self._contacts.get(name)
            if contact is None or contact.merged is None:
                return name
            name = contact.merged.into
        return min(path[path.index(name) :])

    def group(self, name: str) -> list[Contact]:
        """All contacts that are this person: itself, who it is in the end, then the others by name."""
        root = self.root(name)
        names = dict.fromkeys([name, root, *self._groups.get(root, ())])
        return [self._contacts[one] for one in names if one in self._contacts]

    def account(self, name: str) -> list[Contact]:
        """Those of them of whom the platform itself says that they are one account."""
        found = self.group(name)
        same = {name}
        for _ in found:  # as often as there are marks to follow
            marks = [(c.name, c.merged.into) for c in found if c.merged and c.merged.by == PLATFORM]
            same |= {one for mark in marks if same & {*mark} for one in mark}
        return [contact for contact in found if contact.name in same]

    def who(self, channel: str, value: str, user_of: UserOf) -> Who:
        """A user who has mapped this address, or another identity of the same account, is who it is, and nobody else.

        Merging is not mapping: what operators put together becomes no user's.
        """
        own = self.owner(name_of(channel, value))
        values = [value, *(i.value for contact in self.account(own) for i in contact.identities)]
        user = next(filter(None, (user_of(channel, each) for each in dict.fromkeys(values))), None)
        if user is not None:
            return Who((user,), user)
        return Who(tuple(dict.fromkeys([own, *self.names(own)])), self.root(own))

    def addresses(self, name: str) -> dict[str, str]:
        """Where messages for this name go, channel → address: its own where it has one there, else whose it is."""
        found: dict[str, str] = {}
        for contact in self.group(self.owner(name)):
            found.setdefault(contact.channel, contact.current)
        return found


Conflict = Literal["same", "is_merged", "is_users", "same_channel", "same_conversation"]
BLOCKING: frozenset[Conflict] = frozenset({"same", "is_merged", "is_users"})


@dataclass(frozen=True, slots=True)
class Objection:
    """`is_blocking`: it cannot be done; else it can, and this is what comes of it."""

    code: Conflict
    detail: str

    @property
    def is_blocking(self) -> bool:
        return self.code in BLOCKING


def objections(
    into: Contact, other: Contact, people: People, user_of: UserOf, shared: Sequence[str]
) -> list[Objection]:
    """To making `other` the same person as `into`; `shared`: conversations of which both are members."""
    if people.root(into.name) == people.root(other.name):
        return [Objection("same", f"{other.name} and {into.name} are the same person already.")]
    found = []
    if other.merged is not None:
        found.append(Objection("is_merged", f"{other.name} is {other.merged.into}: unmerge it first."))
    ones, others = people.group(into.name), people.group(other.name)
    identities = [identity for contact in (*ones, *others) for identity in contact.identities]
    for identity in identities:
        if user := user_of(identity.channel, identity.value):
            found.append(Objection("is_users", f"{identity.name} is {user}'s, who has mapped it."))
    for channel in sorted({c.channel for c in ones} & {c.channel for c in others}):
        found.append(Objection("same_channel", f"Both are on {channel}; each name keeps its own address there."))
    if shared:
        found.append(Objection("same_conversation", f"Both are members of {', '.join(shared)}."))
    return found
