"""Letters of the DLQs, and what becomes of them when something fails half-way."""

import asyncio
from datetime import timedelta

import pytest

from libs.common import kafka, mongo
from libs.common.bus import Outgoing, Record
from libs.common.clock import now
from libs.common.errors import Problem
from libs.common.events import MESSAGE_EVENTS
from services.router.operators.handlers import Audit, DeadLetters
from services.router.operators.keeping import Keeping
from services.router.operators.store import AuditLog, Letters
from services.router.tests.scene import Scene

LETTER = Record("message.events.dlq", 3, 17, b"a key", b"poison", {"dlq_reason": b"malformed"}, 1_800_000_000_123)
ID = "message.events.dlq:3:17"


def desk(database: mongo.Database, producer: kafka.Producer, *topics: str) -> DeadLetters:
    audit = Audit(AuditLog(database))
    return DeadLetters(Letters(database), audit, producer, lambda _: None, topics or (MESSAGE_EVENTS,))


@pytest.fixture
async def letters(scene: Scene) -> DeadLetters:
    """The one letter is kept, and the topic that it came from takes records."""
    async with asyncio.timeout(60):
        while await scene.producer.publish_each([Outgoing(MESSAGE_EVENTS, "key", b"", [])]) != [None]:
            pass
    made = desk(scene.database, scene.producer)
    await Keeping(made.letters).handle(LETTER)
    return made


async def outcomes(letters: DeadLetters) -> list[str]:
    return [s.outcome for s in await letters.replay("ana", [ID])]


async def state(letters: DeadLetters) -> str:
    return (await letters.show("ana", ID)).state


async def test_a_letter_that_comes_again_stays_what_it_became(letters: DeadLetters) -> None:
    await letters.drop("ana", [ID], "")
    await Keeping(letters.letters).handle(LETTER)
    assert await state(letters) == "dropped"


async def test_what_was_dropped_by_mistake_can_be_replayed(letters: DeadLetters) -> None:
    await letters.drop("ana", [ID], "")
    assert await outcomes(letters) == ["replayed"]


async def test_whoever_dies_in_the_middle_of_a_replay_leaves_it_to_be_done_again(
    scene: Scene, letters: DeadLetters
) -> None:
    assert await letters.letters.begin_replay(ID, "ana", None)
    assert await outcomes(letters) == ["in_progress"]
    page = await letters.page(("open", "replaying"), {}, 10, None)
    assert [item.state for item in page.items] == ["replaying"]
    long_ago = {"settled_at": now() - timedelta(minutes=1)}
    await scene.database["letters"].update_one({"_id": ID}, {"$set": long_ago})
    assert await outcomes(letters) == ["replayed"]


async def test_of_many_who_replay_it_at_once_one_does(letters: DeadLetters) -> None:
    found = [outcome for done in await asyncio.gather(*(outcomes(letters) for _ in range(5))) for outcome in done]
    assert found.count("replayed") == 1
    assert set(found) <= {"replayed", "in_progress", "already_replayed"}


async def test_while_kafka_is_away_nothing_is_replayed_and_the_letter_stays_open(database: mongo.Database) -> None:
    letters = desk(database, kafka.Producer("127.0.0.1:1"))
    await Keeping(letters.letters).handle(LETTER)
    assert await outcomes(letters) == ["unavailable"]
    assert await state(letters) == "open"
    acted = [(e.who, e.action, e.outcome) for e in (await letters.audit.page(10, None)).items]
    assert acted == [("ana", "dlq.show", "shown"), ("ana", "dlq.replay", "unavailable")]


async def test_what_nobody_reads_is_not_replayed(scene: Scene) -> None:
    letters = desk(scene.database, scene.producer, "another.topic")
    await Keeping(letters.letters).handle(LETTER)
    (settled,) = await letters.replay("ana", [ID])
    assert (settled.outcome, settled.detail) == ("not_read", "No router reads message.events.")
    assert await state(letters) == "open"


async def test_what_mongodb_refuses_is_listed_all_the_same(scene: Scene) -> None:
    letters = desk(scene.database, scene.producer)
    await Keeping(letters.letters).give_up(LETTER)
    assert (await letters.show("ana", ID)).reason == "unknown"


@pytest.mark.parametrize("before", [None, "0199a5c4-7d1e-7c3a-9b52-3f1c0d2e4a10"])
async def test_the_audit_of_nothing_is_empty(database: mongo.Database, before: str | None) -> None:
    page = await Audit(AuditLog(database)).page(10, before)
    assert (page.items, page.next_cursor) == ([], None)


async def test_a_rubbish_place_in_the_audit_is_refused(database: mongo.Database) -> None:
    with pytest.raises(Problem, match="must be a next_cursor"):
        await Audit(AuditLog(database)).page(10, "rubbish")
