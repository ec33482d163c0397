"""Members are remembered once they are known; activity only moves forward."""

from datetime import UTC, datetime, timedelta

from libs.common.conversations import Members, record_activity
from libs.common.mongo import Database
from libs.common.tests.scans import BY_A_TEST

AT = datetime(2026, 11, 21, tzinfo=UTC)


async def test_members_are_asked_for_once_and_strangers_again(database: Database) -> None:
    members = Members(database)
    assert await members.of("c") == ()
    await database["conversations"].insert_one({"_id": "c", "members": ["ana", "bo"]})
    assert members.known("c") is None
    assert await members.of("c") == ("ana", "bo")
    await database["conversations"].delete_many({}, comment=BY_A_TEST)
    assert members.known("c") == await members.of("c") == ("ana", "bo")


async def test_members_of_many_are_found_with_one_question(database: Database) -> None:
    await database["conversations"].insert_many({"_id": c, "members": [c, "z"]} for c in "abc")
    members = Members(database)
    await members.of("a")
    assert await members.of_all(["a", "b", "b", "none"]) == {"a": ("a", "z"), "b": ("b", "z")}


async def test_the_oldest_known_conversation_leaves_when_memory_is_full(database: Database) -> None:
    await database["conversations"].insert_many({"_id": c, "members": [c]} for c in "abc")
    members = Members(database, size=2)
    for conversation in "abc":
        await members.of(conversation)
    assert [members.known(c) for c in "abc"] == [None, ("b",), ("c",)]


async def test_activity_only_moves_forward(database: Database) -> None:
    await database["conversations"].insert_one({"_id": "c", "last_sequence": 0, "last_activity": AT})
    for number in (3, 1, 3, 2):
        await record_activity(database, {"c": (number, AT + timedelta(seconds=number)), "none": (number, AT)})
    await record_activity(database, {})
    (document,) = await database["conversations"].find({"_id": "c"}).to_list()
    assert (document["last_sequence"], document["last_activity"]) == (3, AT + timedelta(seconds=3))


async def test_a_clock_that_is_behind_does_not_move_a_conversation_back(database: Database) -> None:
    await database["conversations"].insert_one({"_id": "c", "last_sequence": 3, "last_activity": AT})
    await record_activity(database, {"c": (4, AT - timedelta(seconds=1))})
    document = await database["conversations"].find_one({"_id": "c"})
    assert document
    assert (document["last_sequence"], document["last_activity"]) == (4, AT)
