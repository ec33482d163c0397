"""A group that moved: from the first message on that heard of it, all go to where it is, whatever is mapped."""

from collections.abc import AsyncIterator

import pytest

from conftest import Stack
from connectors.sdk import Outbound, Sent
from connectors.telegram import Telegram
from libs.common.clock import now
from libs.common.contacts import read_contacts
from services.router.contacts import Contacts
from services.router.people import Everybody
from services.router.tests.carrying import Post, carrying, with_texts_of
from services.router.tests.scene import Scene

MOVED = "-1001234567890"


@pytest.fixture
async def post(scene: Scene, stack: Stack, topics: None) -> AsyncIterator[Post]:
    async with carrying(scene, stack) as built:
        yield built


class Watched(Telegram):
    """A group of which all know only the address that it had. `asked`: that of each call."""

    asked: tuple[str, ...] = ()

    async def send_message(self, message: Outbound) -> Sent:
        self.asked += (message.address,)
        return Sent((f"{MOVED}/{len(self.asked)}",), None if message.address == MOVED else MOVED)


async def test_a_group_that_moved_is_written_to_there_and_known_from_there(post: Post) -> None:
    groups = "/_sim/telegram/groups"
    made = await post.http.post(groups, json={"title": "Lunch", "supergroup": False, "members": [post.address]})
    post.address = str(made.json()["id"])
    moved = str((await post.http.post(f"{groups}/{post.address}/migrate", json={})).json()["id"])
    (one,) = await post.queued("still there?")
    await post.courier.handle(one)
    found = await post.delivery(one)
    assert (found["status"], found["address"]) == ("SENT", moved)
    people = await Everybody(post.scene.database).among([f"telegram:{post.address}"])
    assert people.addresses(f"telegram:{post.address}") == {"telegram": moved}
    assert f"telegram:{post.address}" in people.who("telegram", moved, lambda channel, address: None).names


async def test_where_it_is_is_remembered_and_its_lane_stays(post: Post) -> None:
    """What waits there is not overtaken."""
    post.line.connector = watched = Watched(post.http, post.settings)
    for text in ("first", "second"):
        (one,) = await post.queued(text)
        assert one.key == post.address.encode()
        await post.courier.handle(one)
        assert (await post.delivery(one))["address"] == MOVED
    assert watched.asked == (post.address, MOVED)


async def test_the_pieces_of_one_message_ask_for_it_once(post: Post) -> None:
    post.line.connector = watched = Watched(post.http, post.settings)
    post.line.capabilities = with_texts_of(1000)
    (one,) = await post.queued("word " * 500)
    await post.courier.handle(one)
    assert watched.asked == (post.address, MOVED, MOVED)


async def test_what_is_told_of_where_it_is_counts(post: Post) -> None:
    contacts, here = Contacts(post.scene.database), ("telegram", "main", post.address)
    await contacts.note_written({here: now()})
    await contacts.note_moved(here, MOVED)
    await contacts.note_reach(("telegram", "main", MOVED), "removed", now())
    found = (await read_contacts(post.scene.database, [here]))[here]
    assert (found.moved_to, found.refusal) == (MOVED, "removed")
    assert found.wrote_at
