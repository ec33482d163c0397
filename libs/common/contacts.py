"""What is known of each address at each account, as the router keeps it: read where one chooses how to reach them."""

from collections.abc import Collection

from libs.common.mongo import Database, Document, answering
from libs.common.routing import Address, Contact


def contact_id(address: Address) -> str:
    return "/".join(address)


async def read_contacts(database: Database, addresses: Collection[Address]) -> dict[Address, Contact]:
    """Those of them of whom something is known, where they have moved also there. Raises `Unavailable`."""
    found = await _read(database, addresses)
    moved = {at: (at[0], at[1], contact.moved_to) for at, contact in found.items() if contact.moved_to}
    there = await _read(database, moved.values())
    return found | {at: _together(found[at], there[to]) for at, to in moved.items() if to in there}


async def _read(database: Database, addresses: Collection[Address]) -> dict[Address, Contact]:
    if not addresses:
        return {}
    keys = {contact_id(address): address for address in addresses}
    with answering():
        return {keys[d["_id"]]: _contact(d) async for d in database["contacts"].find({"_id": {"$in": [*keys]}})}


def _contact(document: Document) -> Contact:
    refusal = document.get("reach", {}).get("refusal")
    times = document.get("wrote_at"), document.get("reached_at")
    return Contact(*times, refusal, document.get("closed_for"), document.get("moved_to"))


def _together(before: Contact, there: Contact) -> Contact:
    """Of somebody who has moved: whether they can be reached is known there alone."""
    wrote_at = max(filter(None, (before.wrote_at, there.wrote_at)), default=None)
    reached_at = max(filter(None, (before.reached_at, there.reached_at)), default=None)
    return Contact(wrote_at, reached_at, there.refusal, there.closed_for, before.moved_to)
