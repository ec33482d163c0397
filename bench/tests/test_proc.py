"""What /proc says, from lines as the kernel writes them, and once from the kernel itself."""

import os

import pytest

from bench.proc import PAGE, TICKS, Machine, Stat, Usage, parse_machine, parse_stat, read_processes, usage
from bench.stack import Snapshot, costs, parse_status

LINE = (
    "4711 (nginx: (w) x) S 4700 4700 4700 0 -1 4194304 98 0 0 0 150 50 7 3 20 0 1 0 273299 3133440 403 "
    "18446744073709551615 94534095024128 94534095044009 140720429186208 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0"
)


def test_a_name_with_spaces_and_brackets_does_not_shift_the_fields() -> None:
    assert parse_stat(LINE) == Stat(4711, 4700, "nginx: (w) x", 210 / TICKS, 403 * PAGE)


def test_the_machine_is_busy_where_it_is_not_idle_or_waiting() -> None:
    found = parse_machine("cpu  100 2 30 800 50 4 5 6 0 0")
    assert found.busy_s == pytest.approx(147 / TICKS)
    assert found.idle_s == pytest.approx(850 / TICKS)


def test_a_process_counts_with_all_below_it_and_a_named_child_for_itself() -> None:
    tree = [
        Stat(1, 0, "supervisor", 1.0, 10),
        Stat(2, 1, "nginx", 2.0, 20),
        Stat(3, 2, "worker", 3.0, 30),
        Stat(4, 1, "router", 4.0, 40),
        Stat(9, 0, "somebody", 9.0, 90),
    ]
    assert usage({"supervisor": 1, "nginx": 2, "router": 4, "gone": 77}, tree) == {
        "supervisor": Usage(1.0, 10),
        "nginx": Usage(5.0, 50),
        "router": Usage(4.0, 40),
    }


def test_this_process_is_found() -> None:
    mine = next(stat for stat in read_processes() if stat.pid == os.getpid())
    assert mine.parent == os.getppid()
    assert mine.rss > 0


def test_costs_are_what_was_used_between_and_what_is_left_is_others() -> None:
    before = Snapshot({"router": Usage(10.0, 1), "old": Usage(1.0, 1)}, Machine(100.0, 50.0), 5.0)
    after = Snapshot({"router": Usage(12.0, 7), "new": Usage(9.0, 1)}, Machine(104.0, 56.0), 5.5)
    found = costs(before, after, messages=1000, load_average=1.234)
    assert (found.cpu_ms, found.cpu_ms_by_process, found.driver_ms) == (2.0, {"router": 2.0}, 0.5)
    assert (found.idle_share, found.load_average, found.rss["router"]) == (0.6, 1.23, 7)
    assert found.others_cores == pytest.approx(1.5 / 10 * (os.cpu_count() or 1), abs=0.001)


def test_the_supervisor_names_the_processes_that_run() -> None:
    document = {"processes": [{"name": "router", "pid": 7, "version": "0.1"}, {"name": "etcd", "pid": None}]}
    assert [(p.name, p.pid, p.version) for p in parse_status(document)] == [("router", 7, "0.1")]
    with pytest.raises(ValueError, match="no process"):
        parse_status({"processes": []})
