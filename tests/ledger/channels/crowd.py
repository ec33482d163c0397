"""The people of a run: one on the web and one on each platform in every group, known here as they are there."""

import asyncio
import secrets
from collections.abc import Iterable, Mapping, Sequence

from clients.parley import ParleyClient, ProblemError
from tests.ledger.channels.books import Books, Group, Person
from tests.ledger.channels.phones import Phones
from tests.ledger.channels.stores import Stores
from tests.ledger.platform import Platform
from tests.registered import registered

INBOX = "inbox"
OPENED_WITHIN_S = 60.0
POLL_S = 0.1
PATIENT_S = 60.0


async def gather(
    target: Platform, phones: Mapping[str, Phones], stores: Stores, books: Books, groups: int
) -> list[ParleyClient]:
    """The clients of those on the web, one a group; everybody has written once, so that they may be written to."""
    async with _User(target, INBOX):
        made = await asyncio.gather(*(_group(target, phones, books, number) for number in range(groups)))
    books.groups += [group for group, _ in made]
    people = [person for group in books.groups for person in group.people]
    await asyncio.gather(*(phones[p.channel].do(p.address, "say", text=f"hello {books.run}") for p in people))
    await _until_greeted(stores, books.run, len(people))
    return [web for _, web in made]


async def _group(
    target: Platform, phones: Mapping[str, Phones], books: Books, number: int
) -> tuple[Group, ParleyClient]:
    people = [await _person(target, phones[channel], f"{books.run}-{number}-{channel}") for channel in phones]
    name = f"{books.run}-{number}-web"
    web = await _User(target, name).__aenter__()
    talk = await web.open_group([p.username for p in people], name)
    return Group(talk.conversation_id, name, people), web


async def _person(target: Platform, phone: Phones, name: str) -> Person:
    """One who is there alone, and has no device here. A simulator that began anew gives addresses of others first."""
    async with _User(target, name) as client:
        while True:
            address = await phone.add(name)
            try:
                await client.map_channel(phone.channel, address)
            except ProblemError as problem:
                if problem.code != "address_taken":
                    raise
            else:
                return Person(name, phone.channel, address)


class _User:
    """A client that is logged in; closed with the context."""

    def __init__(self, target: Platform, name: str) -> None:
        self._client = ParleyClient(target.url, deadline_s=PATIENT_S)
        self._etcd = target.direct["PARLEY_ETCD"]
        self._name = name

    async def __aenter__(self) -> ParleyClient:
        password = "the ledger knows it" if self._name == INBOX else secrets.token_urlsafe(12)
        await registered(self._etcd, password, self._name)  # the inbox may be from an earlier run
        await self._client.log_in(self._name, password)
        return self._client

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()


async def _until_greeted(stores: Stores, run: str, count: int) -> None:
    async with asyncio.timeout(OPENED_WITHIN_S):
        while await stores.count_texts(f"hello {run}") < count:
            await asyncio.sleep(POLL_S)


def on(people: Iterable[Person], channels: Sequence[str]) -> list[Person]:
    return [person for person in people if person.channel in channels]
