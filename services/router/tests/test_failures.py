"""A dependency goes away in the middle, or one record is bad: nothing is lost, doubled or out of order."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sized
from dataclasses import replace
from typing import Any

import pymongo
import pytest

from conftest import PATIENCE_S, until_found
from libs.common import mongo, redis
from libs.common.bus import settle
from libs.common.errors import Unavailable
from libs.common.events import encode
from libs.common.tests.line import Line
from services.router.tests.scene import Scene, message, receipt, record

NOBODY = "redis://127.0.0.1:1/0"
INSERT = b"insert\0"
SOON_S = 1.0  # of what is to fail


@pytest.fixture
async def _poison(database: mongo.Database) -> AsyncIterator[None]:
    """MongoDB itself takes no message whose text is poison."""
    await database.command("collMod", "messages", validator={"payload.text": {"$ne": "poison"}})
    yield
    await database.command("collMod", "messages", validator={})


async def unheard(
    frail: tuple[Line, Scene], asked: Coroutine[Any, Any, object], stored: Callable[[], Awaitable[Sized]], count: int
) -> None:
    """MongoDB does what it is asked, and the answer is lost with the line; then there is one again."""
    line, far = frail
    line.loses_answers_to = INSERT
    asking = asyncio.create_task(asked)
    async with asyncio.timeout(PATIENCE_S):
        while len(await stored()) < count:
            await asyncio.sleep(0.02)
    line.cut()
    with pytest.raises(Unavailable):
        await asking
    line.loses_answers_to, line.is_cut = None, False
    await until_found(far.database)


async def test_what_is_stored_but_not_fed_is_fed_by_the_next_try(scene: Scene) -> None:
    await scene.connect(scene.bo)
    batch = scene.texts("one", "two")
    async with redis.connect(NOBODY) as nobody:
        with pytest.raises(Unavailable):
            await replace(scene, cache=nobody).messages().handle(batch)
    assert await scene.stored() == [(1, "one"), (2, "two")]
    await scene.messages().handle(batch)
    assert await scene.stored() == [(1, "one"), (2, "two")]
    assert [p.sequence_number for p in await scene.feed(scene.bo)] == [1, 2]


async def test_a_crash_in_the_middle_of_an_insert_leaves_a_prefix_that_is_gone_on_from(scene: Scene) -> None:
    """The next owner gets the whole batch again, and more."""
    await scene.connect(scene.bo)
    batch = scene.texts("one", "two", "three")
    await scene.messages().handle(batch[:1])
    await scene.messages().handle([*batch, *scene.texts("four")])
    assert await scene.stored() == [(1, "one"), (2, "two"), (3, "three"), (4, "four")]
    assert [p.sequence_number for p in await scene.feed(scene.bo)] == [1, 1, 2, 3, 4]


@pytest.mark.usefixtures("_poison")
async def test_a_message_that_mongodb_refuses_is_rejected_alone_and_leaves_no_gap(scene: Scene) -> None:
    await scene.connect(scene.bo)
    batch = scene.texts("one", "two", "poison", "three", "four")
    rejected = await settle(scene.messages(), batch)
    assert [(r.record, r.reason) for r in rejected] == [(batch[2], "refused_by_store")]
    assert await scene.stored() == [(1, "one"), (2, "two"), (3, "three"), (4, "four")]
    assert {p.sequence_number for p in await scene.feed(scene.bo)} == {1, 2, 3, 4}


@pytest.mark.usefixtures("_poison")
async def test_a_message_that_never_was_leaves_its_number_to_the_next(scene: Scene) -> None:
    """The number that was given to what MongoDB refused is not remembered."""
    router = scene.messages()
    await settle(router, scene.texts("one", "poison"))
    await settle(router, scene.texts("two"))
    assert await scene.stored() == [(1, "one"), (2, "two")]


@pytest.mark.parametrize("at", ["yesterday", "", "2026-13-41T10:15:30Z"])
async def test_a_time_that_is_none_is_rejected_before_anything_is_stored(scene: Scene, at: str) -> None:
    await scene.connect(scene.bo)
    good = encode(message(scene.conversation, scene.ana))
    bad = record(good.replace(b'"accepted_at":"20', f'"accepted_at":"{at}","x":"'.encode()))
    rejected = await settle(scene.messages(), [bad, *scene.texts("fine")])
    assert [r.record for r in rejected] == [bad]
    assert await scene.stored() == [(1, "fine")]
    assert len(await scene.feed(scene.bo)) == 1


async def test_nothing_is_given_up_while_mongodb_is_away(frail: tuple[Line, Scene]) -> None:
    line, scene = frail
    texts, read = scene.texts("one"), [receipt(scene.conversation, scene.bo, "READ", 1)]
    line.cut()
    for handler, batch in ((scene.messages(), texts), (scene.receipts(), read)):
        with pymongo.timeout(SOON_S), pytest.raises(Unavailable):
            await settle(handler, batch)


async def test_a_message_whose_storage_nobody_heard_of_is_stored_once(frail: tuple[Line, Scene], scene: Scene) -> None:
    router, batch = frail[1].messages(), scene.texts("two", "three")
    await router.handle(scene.texts("one"))
    await unheard(frail, router.handle(batch), scene.stored, 3)
    await router.handle([*batch, *scene.texts("four")])
    assert await scene.stored() == [(1, "one"), (2, "two"), (3, "three"), (4, "four")]


async def test_a_receipt_whose_storage_nobody_heard_of_is_logged_once(frail: tuple[Line, Scene], scene: Scene) -> None:
    await scene.messages().handle(scene.texts("one", "two", "three"))
    router, batch = frail[1].receipts(), [receipt(scene.conversation, scene.bo, "READ", 2)]
    await router.handle([receipt(scene.conversation, scene.bo, "READ", 1)])
    await unheard(frail, router.handle(batch), scene.steps, 2)
    await router.handle([*batch, receipt(scene.conversation, scene.bo, "READ", 3)])
    assert await scene.steps() == [("READ", 1, 1), ("READ", 2, 2), ("READ", 3, 3)]


async def test_a_summary_that_could_not_be_written_is_written_later(frail: tuple[Line, Scene]) -> None:
    """Also after everything that is read again was forgotten."""
    line, scene = frail
    messages, receipts = scene.messages(), scene.receipts()
    for text in ("one", "two"):
        await messages.handle(scene.texts(text))
    await receipts.handle([receipt(scene.conversation, scene.bo, "READ", 1)])
    line.cut()
    for handler in (messages, receipts):
        with pymongo.timeout(SOON_S), pytest.raises(Unavailable):
            await handler.checkpoint()
        handler.forget()
    line.is_cut = False
    await until_found(scene.database)
    await messages.checkpoint()
    await receipts.checkpoint()
    assert await scene.watermark() == (1, 1)
    assert await scene.database["conversations"].count_documents({"_id": scene.conversation, "last_sequence": 2}) == 1


async def test_a_zombie_tells_no_step_of_a_watermark_that_was_told_as_part_of_another(scene: Scene) -> None:
    """It slept before the second receipt came; the next owner has logged both as one step."""
    zombie, owner = scene.receipts(), scene.receipts()
    await scene.messages().handle(scene.texts("one", "two", "three"))
    said = [receipt(scene.conversation, scene.bo, "READ", n) for n in (1, 2, 3)]
    await zombie.handle(said[:1])
    await owner.handle(said[1:])
    await zombie.handle(said[1:2])
    assert await scene.steps() == [("READ", 1, 1), ("READ", 2, 3)]


async def test_a_receipt_that_claims_more_than_there_was_comes_again_and_holds_up_nobody(scene: Scene) -> None:
    await scene.messages().handle(scene.texts("one", "two"))
    boast, honest = (receipt(scene.conversation, scene.bo, "READ", n) for n in (100, 3))
    await scene.receipts().handle([boast])
    await scene.messages().handle(scene.texts("three", "four"))
    await scene.receipts().handle([boast, honest])
    assert await scene.steps() == [("READ", 1, 2), ("READ", 3, 3)]
