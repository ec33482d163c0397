"""Deliveries of an account that was taken out of the settings: they wait for a day, and then their sender knows."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from conftest import Stack
from libs.common.bus import Record
from libs.common.clock import now
from services.router.handlers import Leftovers
from services.router.retrying import LIVES
from services.router.tests.carrying import Post, carrying
from services.router.tests.scene import Scene


@pytest.fixture
async def post(scene: Scene, stack: Stack, topics: None) -> AsyncIterator[Post]:
    async with carrying(scene, stack) as built:
        yield built


def leftovers(post: Post, *accounts: tuple[str, str]) -> Leftovers:
    return Leftovers(post.outbox, post.without, accounts)


async def ended(post: Post) -> None:
    """As the scheduler does: what is due is run, and due again when it says."""
    while lane := await post.parked.claim():
        await post.parked.settle(lane, await post.without.run_parked(lane))


async def opened_before(post: Post, one: Record, age: timedelta) -> None:
    at = now() - age
    await post.change(one, updated_at=at, history=[{"status": "QUEUED", "at": at}])


async def test_they_wait_for_a_day_and_then_fail_and_their_sender_is_told(post: Post) -> None:
    await post.scene.connect(post.scene.ana)
    young, old = await post.queued("young", "old")
    await opened_before(post, old, LIVES)
    for _ in range(2):
        await leftovers(post).sweep(now())
        await ended(post)
    found = await post.delivery(old)
    assert (found["status"], found["error"]["code"], "parked" in found) == ("FAILED", "account_removed", False)
    (said,) = [json.loads(p.body) for p in await post.scene.feed(post.scene.ana) if p.kind == "status"]
    assert (said["status"], said["message_status"], said["error"]["code"]) == ("FAILED", "FAILED", "account_removed")
    assert (await post.delivery(young))["status"] == "QUEUED"
    await post.courier.handle(old)
    await post.courier.handle(young)
    assert await post.texts() == ["young"]


async def test_what_was_set_aside_before_waits_and_fails_as_well(post: Post) -> None:
    (one,) = await post.queued("hi")
    await post.courier.set_aside(one)
    await ended(post)
    assert (await post.delivery(one))["status"] == "QUEUED"
    assert await post.parked.claim() is None
    await opened_before(post, one, LIVES)
    await post.scene.database["lanes"].update_many({"due_at": {"$exists": True}}, {"$set": {"due_at": now()}})
    await ended(post)
    assert (await post.delivery(one))["error"]["code"] == "account_removed"


async def test_what_an_account_of_the_settings_carries_is_left_to_it(post: Post) -> None:
    (one,) = await post.queued("hi")
    await opened_before(post, one, 2 * LIVES)
    assert await leftovers(post, ("telegram", "main")).sweep(now()) == 0
    minute, over = timedelta(minutes=1), now() - LIVES
    taken_out = leftovers(post, ("telegram", "second"))
    assert [await taken_out.sweep(at) for at in (over - minute, over + minute)] == [0, 1]
