"""What is due is done by one at a time, at its time, and by somebody else where its owner is gone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest

from libs.common.clock import now
from libs.common.mongo import Database, Document
from libs.common.scheduler import Scheduler, Work

AT_ONCE = timedelta(0)
LATER = timedelta(hours=1)


@pytest.fixture
def scheduler(database: Database) -> Scheduler:
    return Scheduler(database, "lanes")


@asynccontextmanager
async def running(scheduler: Scheduler, work: Work) -> AsyncIterator[None]:
    task = asyncio.create_task(scheduler.run(work, 2))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_is_due_is_given_to_one_and_what_is_not_to_nobody(scheduler: Scheduler) -> None:
    await scheduler.schedule("due", now())
    await scheduler.schedule("later", now() + LATER)
    claims = await asyncio.gather(*(scheduler.claim() for _ in range(5)))
    assert [c["_id"] for c in claims if c] == ["due"]


async def test_what_is_scheduled_again_keeps_its_time(scheduler: Scheduler) -> None:
    await scheduler.schedule("one", now() + LATER)
    await scheduler.schedule("one", now())
    assert await scheduler.claim() is None


async def test_a_lease_that_ended_is_anothers_and_its_owner_is_told(database: Database) -> None:
    hasty, calm = Scheduler(database, "lanes", AT_ONCE), Scheduler(database, "lanes")
    await hasty.schedule("one", now())
    first = await hasty.claim()
    second = await calm.claim()
    assert first
    assert second
    assert not await hasty.extend(first)
    await hasty.settle(first, None)
    assert await calm.extend(second)


async def test_done_it_is_gone_unless_there_is_more_by_then(scheduler: Scheduler) -> None:
    for is_more in (False, True):
        await scheduler.schedule("one", now())
        claimed = await scheduler.claim()
        assert claimed
        if is_more:
            await scheduler.schedule("one", now() + LATER)
        await scheduler.settle(claimed, None)
        assert (await scheduler.claim() is not None) == is_more


async def test_work_is_done_at_its_time_and_as_often_as_it_says(scheduler: Scheduler) -> None:
    done: list[datetime] = []
    ended = asyncio.Event()

    async def work(_: Document) -> datetime | None:
        done.append(now())
        if len(done) < 3:
            return done[0] + timedelta(milliseconds=100 * len(done))
        ended.set()
        return None

    async with running(scheduler, work), asyncio.timeout(60):
        await scheduler.schedule("one", now())
        await ended.wait()
    assert [at >= done[0] + timedelta(milliseconds=100 * n) for n, at in enumerate(done)] == [True] * 3


async def test_work_that_fails_is_done_again_and_keeps_no_other_waiting(database: Database) -> None:
    scheduler = Scheduler(database, "lanes", timedelta(milliseconds=300))
    tried: list[str] = []
    both = asyncio.Event()

    async def work(document: Document) -> datetime | None:
        tried.append(document["_id"])
        if document["_id"] == "bad" and tried.count("bad") < 2:
            raise ValueError("a bug")
        if tried.count("bad") >= 2 and "good" in tried:
            both.set()
        return None

    async with running(scheduler, work), asyncio.timeout(60):
        await scheduler.schedule("bad", now())
        await scheduler.schedule("good", now())
        await both.wait()


async def test_work_ends_when_its_lease_is_anothers(database: Database) -> None:
    scheduler = Scheduler(database, "lanes", timedelta(seconds=1))
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work(_: Document) -> datetime | None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return None

    await scheduler.schedule("one", now())
    async with running(scheduler, work), asyncio.timeout(60):
        await begun.wait()
        taken = {"$set": {"lease": "another's", "due_at": now() + LATER}}
        await database["lanes"].update_one({"_id": "one"}, taken)
        await ended.wait()
    found = await database["lanes"].find_one({"_id": "one"})
    assert found
    assert found["lease"] == "another's"


async def test_work_may_take_longer_than_a_lease(database: Database) -> None:
    """Whoever is at it extends it."""
    lease = timedelta(seconds=8)  # who is held up for less does not lose it
    scheduler, begun, may_end = Scheduler(database, "lanes", lease), asyncio.Event(), asyncio.Event()

    async def work(_: Document) -> datetime | None:
        begun.set()
        await may_end.wait()
        return None

    await scheduler.schedule("one", now())
    async with running(scheduler, work), asyncio.timeout(60):
        await begun.wait()
        first = await database["lanes"].find_one({"_id": "one"})
        assert first
        while True:
            found = await database["lanes"].find_one({"_id": "one"})
            assert found
            if found["due_at"] > first["due_at"] + lease:
                break
        assert found["lease"] == first["lease"]
        may_end.set()
        while await database["lanes"].find_one({"_id": "one"}):
            pass


async def test_what_is_hastened_is_due_at_once_whether_it_was_scheduled_or_not(scheduler: Scheduler) -> None:
    await scheduler.schedule("later", now() + timedelta(hours=1))
    assert await scheduler.claim() is None
    for key in ("later", "new"):
        await scheduler.hasten(key)
        claimed = await scheduler.claim()
        assert claimed
        assert claimed["_id"] == key


async def test_what_is_hastened_while_somebody_is_at_it_is_done_anew(scheduler: Scheduler) -> None:
    await scheduler.schedule("it", now())
    first = await scheduler.claim()
    await scheduler.hasten("it")
    second = await scheduler.claim()
    assert first
    assert second
    await scheduler.settle(first, None)
    assert await scheduler.extend(second)


async def test_what_is_hurried_is_due_at_the_earlier_time_and_never_taken_from_who_is_at_it(
    scheduler: Scheduler,
) -> None:
    await scheduler.hurry(["one"], now() + LATER)
    assert await scheduler.claim() is None
    await scheduler.hurry(["one", "two"], now())
    first, second = await scheduler.claim(), await scheduler.claim()
    assert first
    assert second
    await scheduler.hurry(["one"], now())
    assert await scheduler.claim() is None
    await scheduler.settle(first, now() + LATER)
    await scheduler.settle(second, now() + LATER)
    again = await scheduler.claim()
    assert again
    assert again["_id"] == first["_id"]
    assert await scheduler.claim() is None


async def test_what_has_begun_begins_only_once(scheduler: Scheduler) -> None:
    assert await scheduler.begin("one", now(), {"what": 1})
    assert not await scheduler.begin("one", now(), {"what": 2})
    claimed = await scheduler.claim()
    assert claimed
    assert claimed["what"] == 1
    await scheduler.settle(claimed, None)
    assert await scheduler.begin("one", now(), {"what": 3})


async def test_the_clock_decides_what_is_due(database: Database) -> None:
    ahead = timedelta(0)
    scheduler = Scheduler(database, "lanes", clock=lambda: now() + ahead)
    await scheduler.schedule("one", now() + LATER)
    assert await scheduler.claim() is None
    ahead = LATER
    assert await scheduler.claim()
