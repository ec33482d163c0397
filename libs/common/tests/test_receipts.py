"""What the log of receipts and its summary say together, read with the indexes it has."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.common.clock import new_id
from libs.common.marks import Marks
from libs.common.mongo import Database
from libs.common.receipts import BRANCHES, MANY, read_marks, read_times, watermark_id

AT = datetime(2026, 11, 21, tzinfo=UTC)


def receipt(
    username: str, status: str, number: int, at: float = 0, conversation_id: str = "c", start: int = 1
) -> dict[str, Any]:
    return {
        "conversation_id": conversation_id,
        "username": username,
        "status": status,
        "from_number": start,
        "to_number": number,
        "at": AT + timedelta(seconds=at),
    }


@given(st.lists(st.tuples(st.sampled_from(["DELIVERED", "READ"]), st.integers(1, 9))))
def test_marks_only_advance_and_reading_implies_having(steps: list[tuple[Any, int]]) -> None:
    marks = Marks()
    for status, number in steps:
        advanced = marks.advanced(status, number)
        assert advanced.delivered >= max(marks.delivered, advanced.read)
        assert advanced.read >= marks.read
        marks = advanced
    assert marks.read == max((n for s, n in steps if s == "READ"), default=0)
    assert marks.delivered == max((n for _, n in steps), default=0)


async def test_marks_are_the_summary_and_what_the_log_has_beyond_it(database: Database) -> None:
    await database["watermarks"].insert_one({"_id": watermark_id(("c", "ana")), "delivered": 5, "read": 2})
    log = [receipt("ana", "READ", 2), receipt("ana", "DELIVERED", 7, start=6), receipt("ana", "READ", 4, start=3)]
    log += [receipt("bo", "DELIVERED", 3), receipt("bo", "READ", 9, conversation_id="d")]
    await database["receipts"].insert_many(log)
    marks = await read_marks(database, [("c", "ana"), ("c", "bo"), ("c", "cy")])
    assert marks == {("c", "ana"): (7, 4), ("c", "bo"): (3, 0), ("c", "cy"): (0, 0)}


async def test_marks_of_more_members_than_one_question_holds(database: Database) -> None:
    members = [(f"c{n}", "bo") for n in range(BRANCHES)]
    log = (receipt("bo", "READ", n + 1, conversation_id=c) for n, (c, _) in enumerate(members))
    await database["receipts"].insert_many(log)
    marks = await read_marks(database, members)
    assert [marks[member].read for member in members] == list(range(1, BRANCHES + 1))


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["DELIVERED", "READ"]), st.integers(1, 5)), max_size=30),
    st.integers(1, 60),
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_large_group_is_read_as_its_members_one_by_one(
    database: Database, steps: list[tuple[str, str, int]], number: int
) -> None:
    """The walk over all members, against a look for each."""
    c = new_id()
    last: Counter[tuple[str, str]] = Counter()
    for name, status, step in steps:
        start, last[name, status] = last[name, status] + 1, last[name, status] + step
        await database["receipts"].insert_one(receipt(name, status, last[name, status], start, c, start))
    few, many = ["a", "b", "c"], [*"abc", *(f"away{n}" for n in range(MANY))]
    marks, times = await read_marks(database, [(c, u) for u in many]), await read_times(database, c, many, number)
    assert {m: marks[m] for m in marks if m[1] in few} == await read_marks(database, [(c, u) for u in few])
    assert times == await read_times(database, c, few, number)


async def test_a_group_of_256_is_read_without_reading_its_log(database: Database) -> None:
    names = [f"user{n:03}" for n in range(256)]
    for status in ("DELIVERED", "READ"):
        await database["receipts"].insert_many(receipt(u, status, n, start=n) for u in names for n in range(1, 21))
    await database.command({"profile": 2})
    marks = await read_marks(database, [("c", u) for u in names])
    times = await read_times(database, "c", names, 10)
    await database.command({"profile": 0})
    assert set(marks.values()) == {Marks(20, 20)}
    assert len(times) == 512
    seen = await database["system.profile"].find({"ns": f"{database.name}.receipts"}).to_list()
    assert len(seen) == 4
    assert all(o["planSummary"].startswith("DISTINCT_SCAN") and o["keysExamined"] <= 520 for o in seen)


async def test_no_members_have_no_marks(database: Database) -> None:
    assert await read_marks(database, []) == {}


async def test_a_message_has_the_time_of_the_first_receipt_that_reaches_it(database: Database) -> None:
    log = [receipt("bo", "DELIVERED", n, at=n, start=n - 2) for n in (9, 3, 6)]
    await database["receipts"].insert_many([*log, receipt("bo", "READ", 4, at=5), receipt("cy", "READ", 6, at=6)])
    assert await read_times(database, "c", ["bo", "cy", "di"], 5) == {
        ("bo", "DELIVERED"): AT + timedelta(seconds=6),
        ("cy", "READ"): AT + timedelta(seconds=6),
    }
    assert await read_times(database, "c", ["bo"], 10) == {}


async def test_what_was_read_before_it_was_acknowledged_has_no_time_of_delivery(database: Database) -> None:
    log = [receipt("bo", "READ", 4, at=1), receipt("bo", "DELIVERED", 6, at=2, start=5)]
    await database["receipts"].insert_many(log)
    assert await read_times(database, "c", ["bo"], 3) == {("bo", "READ"): AT + timedelta(seconds=1)}


async def test_times_are_read_without_reading_the_log(database: Database) -> None:
    for name in ("bo", "cy"):
        await database["receipts"].insert_many(receipt(name, "DELIVERED", n, start=n) for n in range(1, 301))
    await database.command({"profile": 2})
    await read_times(database, "c", ["bo", "cy"], 150)
    await read_marks(database, [("c", "bo")])
    await database.command({"profile": 0})
    seen = await database["system.profile"].find({"op": {"$in": ["command", "query"]}}).to_list()
    assert [o["docsExamined"] for o in seen if "$documents" in str(o["command"])] == [2]
    assert not [o["command"] for o in seen if "COLLSCAN" in str(o.get("planSummary"))]
