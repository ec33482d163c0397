"""What operators do with the people on platforms: look, put together who is one person, undo it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from libs.common.clock import now, rfc3339
from libs.common.errors import FieldError, Problem, not_found
from libs.common.identities import PLATFORM, Contact, Identity, Merged, Objection, People, UserOf, objections
from libs.common.mongo import Document
from libs.common.shapes import Someone, Time, Username, Uuid, shown
from services.router.operators.handlers import Audit

if TYPE_CHECKING:
    from services.router.people import Everybody

MOST_CONVERSATIONS = 100
Name = Annotated[str, shown("That of its first identity.", examples=["telegram:42"])]


class IdentityView(msgspec.Struct, frozen=True):
    """An address; `verified_by` says how it is known: updates came from there that proved to be the platform's."""

    channel: str
    kind: Annotated[str, shown(enum=["id", "phone", "bsuid"])]
    value: str
    since: Time
    verified_by: Literal["webhook"]
    user: Annotated[Username | None, shown("Who has mapped it.")]


class MergedView(msgspec.Struct, frozen=True):
    """`by` is null where the platform itself has said that they are one account."""

    into: Name
    by: Username | None
    at: Time


class ContactView(msgspec.Struct, frozen=True):
    """`current` is the address that was used last."""

    name: Name
    display_name: str
    identities: list[IdentityView]
    current: str
    since: Time
    merged: MergedView | None


class ContactPage(msgspec.Struct, frozen=True):
    items: list[ContactView]
    next_cursor: str | None


class PersonView(msgspec.Struct, frozen=True):
    """Contacts that are one person, the one asked for first; `name` is that by which their conversations begin."""

    name: Name
    contacts: list[ContactView]
    addresses: Annotated[dict[str, str], shown("Channel → address, where messages for the one asked for go.")]


class ConversationView(msgspec.Struct, frozen=True):
    conversation_id: Uuid
    type: str
    title: str | None
    members: list[Someone]


class ObjectionView(msgspec.Struct, frozen=True):
    """`blocking`: it cannot be done; else it can, and this is what comes of it."""

    code: Annotated[str, shown(enum=["same", "is_merged", "is_users", "same_channel", "same_conversation"])]
    detail: str
    blocking: bool


class Merging(msgspec.Struct, frozen=True, kw_only=True):
    """`conversations` are those of both, the latest first, 100 at most: they stay as they are."""

    outcome: Literal["preview", "merged", "already_merged"]
    person: PersonView
    conversations: list[ConversationView]
    objections: list[ObjectionView]


class Unmerging(msgspec.Struct, frozen=True):
    outcome: Literal["unmerged", "not_merged"]
    person: PersonView


@dataclass(frozen=True)
class ContactDesk:
    everybody: "Everybody"
    user_of: UserOf
    audit: Audit

    async def page(self, who: str, channel: str | None, limit: int, cursor: str | None) -> ContactPage:
        """By name. Audited: it shows where people are reached."""
        entry = await self.audit.entries.begin(who, "contacts.list", channel or "", {"cursor": cursor or ""})
        found = await self.everybody.page(channel, limit + 1, cursor)
        await self.audit.entries.end(entry, "shown")
        page = found[:limit]
        return ContactPage([self._view(c) for c in page], page[-1].name if len(found) > limit else None)

    async def show(self, who: str, name: str) -> PersonView:
        """Raises `Problem` 404."""
        people = await self.everybody.among([name])
        contact = _found(people, name)
        entry = await self.audit.entries.begin(who, "contacts.show", contact.name, {})
        await self.audit.entries.end(entry, "shown")
        return self._person(people, contact)

    async def preview(self, into: str, other: str) -> Merging:
        """What merging would bring, and what speaks against it; changes nothing. Raises `Problem` 404."""
        people = await self.everybody.among([into, other])
        one, two = _found(people, into), _found(people, other)
        conversations, found = await self._found_against(people, one, two)
        root = _found(people, people.root(one.name))
        mark = Merged(root.name, "", now())
        after = People([*people.group(one.name), *(_marked(c, two, mark) for c in people.group(two.name))])
        return self._merging("preview", after, root, conversations, found)

    async def merge(self, who: str, into: str, other: str) -> Merging:
        """One mark on `other` decides. Safe to repeat. Raises `Problem` 404, and 409 where it cannot be."""
        people = await self.everybody.among([into, other])
        one, two = _found(people, into), _found(people, other)
        root = _found(people, people.root(one.name))
        conversations, found = await self._found_against(people, one, two)

        async def mark() -> Merging:
            is_done = two.merged is not None and people.root(two.name) == root.name
            if not is_done:
                _refuse([o for o in found if o.is_blocking])
                if not await self.everybody.merge(two.name, Merged(root.name, who, now())):
                    raise Problem(409, "cannot_merge", f"{two.name} was merged meanwhile: look again.")
            after = await self.everybody.among([root.name, two.name])
            return self._merging("already_merged" if is_done else "merged", after, root, conversations, found)

        return await self.audit.acting(who, "contacts.merge", two.name, {"into": root.name}, mark)

    async def unmerge(self, who: str, name: str) -> Unmerging:
        """Everything is as it was before. Safe to repeat. Raises `Problem` 404, and 409 for what the platform said."""
        contact = _found(await self.everybody.among([name]), name)

        async def take_off() -> Unmerging:
            if contact.merged and contact.merged.by == PLATFORM:
                words = f"{contact.channel} itself says that {contact.name} and {contact.merged.into} are one account."
                raise Problem(409, "merged_by_platform", words)
            is_done = await self.everybody.unmerge(contact.name)
            people = await self.everybody.among([contact.name])
            return Unmerging("unmerged" if is_done else "not_merged", self._person(people, _found(people, name)))

        details = {"from": contact.merged.into} if contact.merged else {}
        return await self.audit.acting(who, "contacts.unmerge", contact.name, details, take_off)

    async def _found_against(
        self, people: People, one: Contact, two: Contact
    ) -> tuple[list[Document], list[Objection]]:
        ones, twos = people.names(one.name), people.names(two.name)
        conversations = await self.everybody.conversations([*ones, *twos], MOST_CONVERSATIONS)
        shared = [c["_id"] for c in conversations if {*ones} & {*c["members"]} and {*twos} & {*c["members"]}]
        is_one = people.root(one.name) == people.root(two.name)
        return conversations, objections(one, two, people, self.user_of, [] if is_one else shared)

    def _merging(
        self,
        outcome: Literal["preview", "merged", "already_merged"],
        people: People,
        root: Contact,
        conversations: Sequence[Document],
        found: Sequence[Objection],
    ) -> Merging:
        against = [] if outcome == "already_merged" else found
        return Merging(
            outcome=outcome,
            person=self._person(people, root),
            conversations=[ConversationView(c["_id"], c["type"], c["title"], c["members"]) for c in conversations],
            objections=[ObjectionView(o.code, o.detail, o.is_blocking) for o in against],
        )

    def _person(self, people: People, contact: Contact) -> PersonView:
        views = [self._view(one) for one in people.group(contact.name)]
        return PersonView(people.root(contact.name), views, people.addresses(contact.name))

    def _view(self, contact: Contact) -> ContactView:
        identities = [self._identity(identity) for identity in contact.identities]
        since = rfc3339(contact.since)
        return ContactView(
            contact.name, contact.display_name, identities, contact.current, since, _merged(contact.merged)
        )

    def _identity(self, identity: Identity) -> IdentityView:
        channel, value = identity.channel, identity.value
        user = self.user_of(channel, value)
        return IdentityView(channel, identity.kind, value, rfc3339(identity.since), "webhook", user)


def _merged(mark: Merged | None) -> MergedView | None:
    return MergedView(mark.into, None if mark.by == PLATFORM else mark.by, rfc3339(mark.at)) if mark else None


def _found(people: People, name: str) -> Contact:
    contact = people.get(people.owner(name))
    if contact is None:
        raise not_found("contact")
    return contact


def _marked(contact: Contact, other: Contact, mark: Merged) -> Contact:
    return replace(contact, merged=mark) if contact.name == other.name and contact.merged is None else contact


def _refuse(blocking: Sequence[Objection]) -> None:
    if blocking:
        errors = [FieldError("/other", objection.detail) for objection in blocking]
        raise Problem(409, "cannot_merge", " ".join(o.detail for o in blocking), errors=errors)
