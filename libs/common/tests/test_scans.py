"""The watch over the database sees what scans, says it readably, and leaves alone what an index answers."""

from libs.common.mongo import Database
from libs.common.tests.scans import BY_A_TEST, report, scans_of, watch_for_scans


async def test_what_scans_is_reported_once_with_its_query(database: Database) -> None:
    await database["messages"].insert_many(
        {"_id": str(n), "conversation_id": "c", "sequence_number": n} for n in range(9)
    )
    for _ in range(2):
        await database["messages"].find({"from": "bo"}).to_list()
    (line,) = report(await scans_of(database)).splitlines()[1:]
    assert line.strip() == f'2 times, 18 documents read: query {database.name}.messages: {{"filter": {{"from": "bo"}}}}'


async def test_a_scan_inside_a_lookup_is_seen_too(database: Database) -> None:
    await database["messages"].insert_one({"_id": "1", "conversation_id": "c", "sequence_number": 1})
    inside = [{"$match": {"$expr": {"$eq": ["$from", "$$who"]}}}]
    lookup = {"from": "messages", "let": {"who": "$who"}, "pipeline": inside, "as": "found"}
    await (await database.aggregate([{"$documents": [{"who": "bo"}]}, {"$lookup": lookup}])).to_list()
    assert len(await scans_of(database)) == 1


async def test_indexes_and_tests_that_mean_to_look_at_everything_are_no_scan(database: Database) -> None:
    await database["messages"].insert_one({"_id": "1", "conversation_id": "c", "sequence_number": 1})
    await database["messages"].find({"conversation_id": "c"}).sort("sequence_number", 1).to_list()
    await database["messages"].update_one({"_id": "1"}, {"$set": {"from": "bo"}})
    await database["messages"].find({"from": "bo"}, comment=BY_A_TEST).to_list()
    assert await scans_of(database) == []


async def test_watching_begins_again_after_it_was_read(database: Database) -> None:
    await scans_of(database)
    await watch_for_scans(database)
    await database["messages"].find({"from": "bo"}).to_list()
    assert report(await scans_of(database)) != ""
    assert report([]) == ""
