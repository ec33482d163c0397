"""How `bench.operations` reads counters, and when it says that a message costs too much, or less than it did."""

from pathlib import Path

import pytest

from bench.operations.budget import (
    LESS,
    MORE,
    Cost,
    compare,
    complaints,
    highest,
    judge,
    read_budget,
    table,
    write_budget,
)
from bench.operations.servers import of_redis
from bench.operations.topics import HEAD, PREFIX, Held, held

ALONE = 60


def batch(records: int, size: int) -> bytes:
    """As a broker keeps it; `size` bytes in all."""
    head = HEAD.pack(0, size - PREFIX, 0, 2, 0, 0, records - 1, 0, 0, 0, 0, 0, records)
    return head.ljust(size, b"x")


def test_batches_of_all_partitions_of_a_topic_are_counted(tmp_path: Path) -> None:
    for partition, content in enumerate((batch(3, 300) + batch(1, 100), batch(2, 200) + bytes(100), b"")):
        folder = tmp_path / f"message.events-{partition}"
        folder.mkdir()
        (folder / "00000000000000000000.log").write_bytes(content)
    assert held(tmp_path) == {"message.events": Held(batches=3, records=6, bytes=600)}


def test_who_only_asks_whether_redis_is_there_is_not_counted() -> None:
    calls = {"cmdstat_evalsha": {"calls": 2}, "cmdstat_xadd": {"calls": 4}, "cmdstat_ping": {"calls": 50}}
    counted = of_redis(calls, {"total_net_input_bytes": 7, "total_net_output_bytes": 8})
    assert counted == {"Redis scripts": 2, "Redis commands": 6, "Redis bytes in": 7, "Redis bytes out": 8}


@pytest.mark.parametrize(
    ("name", "cost", "allowed", "words"),
    [
        ("MongoDB finds", 2.0, 2.0, ""),
        ("MongoDB finds", 2.1, 2.0, ""),  # six of the clock's own
        ("MongoDB finds", 3.0, 2.0, MORE),
        ("MongoDB finds", 1.0, 2.0, LESS),
        ("MongoDB finds", 1.0, 0.0, MORE),
        ("Redis commands", 10.6, 10.0, ""),  # a heartbeat
        ("Redis commands", 11.0, 10.0, MORE),
        ("Redis bytes in", 1_150.0, 1_127.0, ""),
        ("Redis bytes in", 1_300.0, 1_127.0, MORE),
        ("Redis bytes in", 900.0, 1_127.0, LESS),
    ],
)
def test_what_each_message_adds_is_held_against_its_budget(name: str, cost: float, allowed: float, words: str) -> None:
    assert judge(name, cost, allowed, ALONE) == words


def test_what_is_counted_by_the_batch_may_be_four_times_as_much_and_any_less() -> None:
    assert [judge("MongoDB finds", cost, 0.01, 1000) for cost in (0.002, 0.04, 1.0)] == ["", "", MORE]


def test_a_counter_without_a_budget_may_count_nothing() -> None:
    cost = Cost("alone", ALONE, {"MongoDB finds": 2.0, "MongoDB merges": 0.0, "MongoDB splits": 1.0})
    lines = compare([cost], {"alone": {"MongoDB finds": 2.0}})
    assert [line.words for line in lines] == ["", "", MORE]
    assert complaints(lines) == [
        "alone: MongoDB splits: 1.000 a message, the budget is 0.000: more than the budget allows"
    ]


def test_a_budget_is_what_the_highest_of_its_runs_costs() -> None:
    runs = [[Cost("alone", ALONE, {"finds": finds, "bytes": 100.04})] for finds in (-0.009, 0.0161)]
    assert highest(runs) == {"alone": {"finds": 0.016, "bytes": 100.0}}


def test_a_budget_is_kept_as_it_was_written(tmp_path: Path) -> None:
    write_budget({"alone": {"finds": 2.0}}, tmp_path / "budget.json")
    assert read_budget(tmp_path / "budget.json") == {"alone": {"finds": 2.0}}


def test_each_load_stands_beside_its_budget_and_what_is_wrong_in_bold() -> None:
    costs = [Cost("alone", ALONE, {"finds": 3.0}), Cost("batches", 1000, {"finds": 0.01})]
    lines = compare(costs, {"alone": {"finds": 2.0}, "batches": {"finds": 0.01}})
    assert table(lines).splitlines()[-1] == "| finds | **3.000** | 2.000 | 0.010 | 0.010 |"
    assert complaints(lines) == [
        "alone: finds: 3.000 a message, the budget is 2.000 (1.50 times): more than the budget allows"
    ]
