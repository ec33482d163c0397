"""Contacts, as the router keeps them: read where one has to know who is the same person, and where they are reached."""

from collections.abc import Collection
from typing import Any

from libs.common.identities import Contact, Identity, Merged, People
from libs.common.mongo import Database, Document, answering
from libs.common.routing import Addresses

DEEPEST = 32
"""Marks that follow each other; each is one more query."""


async def read_people(database: Database, names: Collection[str]) -> People:
    """The contacts that have these names or identities, with all that are the same persons. Raises `Unavailable`."""
    found: dict[str, Contact] = {}
    wanted: Document = {"identities.name": {"$in": sorted(names)}}
    for _ in range(DEEPEST if names else 0):
        with answering():
            fresh = [contact_of(d) async for d in database["people"].find(wanted) if d["_id"] not in found]
        if not fresh:
            break
        found |= {contact.name: contact for contact in fresh}
        into = {c.merged.into for c in fresh if c.merged} - found.keys()
        merged: Document = {"merged.into": {"$in": [c.name for c in fresh]}}
        wanted = {"$or": [merged, {"_id": {"$in": sorted(into)}}]} if into else merged
    return People(found.values())


async def addresses_of(database: Database, mapped: Addresses, recipients: Collection[str]) -> Addresses:
    """Where these are reached: users as they have `mapped` it, contacts on every channel on which they are somebody.

    Asks nothing where none of them is a contact. Raises `Unavailable`.
    """
    people = await read_people(database, [name for name in recipients if ":" in name])
    return {name: people.addresses(name) if ":" in name else mapped.get(name, {}) for name in recipients}


def contact_of(document: Document) -> Contact:
    channel = str(document["_id"]).partition(":")[0]
    identities = tuple(Identity(channel, i["kind"], i["value"], i["since"]) for i in document["identities"])
    merged: dict[str, Any] | None = document.get("merged")
    return Contact(
        document["_id"],
        identities,
        document["current"],
        document["display_name"],
        document["since"],
        Merged(**merged) if merged else None,
    )
