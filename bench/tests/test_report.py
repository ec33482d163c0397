"""What a reader of a report sees, and what the command refuses."""

import msgspec
import pytest
from typer.testing import CliRunner

from bench.cli import app, is_loopback
from bench.document import page, summary
from bench.figures import Latency
from bench.goals import GOALS, Goal, missed, table
from bench.idle import Idle
from bench.ledger import Verdict
from bench.picture.take import message
from bench.report import Report
from bench.run import Result
from bench.scenarios import EVERYTHING, choose
from bench.stack import Costs

SETTINGS = {
    "commit": "abc",
    "machine": {"cpus": 2, "cpu": "x", "kernel": "6.1"},
    "gateway": "g",
    "python": "3.11.9",
    "versions": {"kafka": "4.3.1"},
}
WHOLE = choose(EVERYTHING.split(","), 20, 3, 60)


def result(per_second: float, **changes: object) -> Result:
    costs = Costs(0.9, {"router": 0.5, "kafka": 0.4}, 0.12, {"router": 50 << 20, "kafka": 300 << 20}, 0.1, 0.05, 3.0)
    whole = Result(
        scenario="http",
        seconds=10.0,
        per_second=per_second,
        accept_ms=Latency(1, 2, 3),
        receipt_ms=Latency(4, 5, 6),
        verdict=Verdict(sent=1000, received=1000),
        final=True,
        retries=0,
        acks_per_message=1.0,
        caught_up_s=0.2,
        costs=costs,
        restarted=[],
    )
    return msgspec.structs.replace(whole, **changes)


def report(*results: Result, idles: tuple[Idle, ...] = ()) -> Report:
    return Report(
        at="2026-11-21T10:15:30Z",
        settings=SETTINGS,
        pairs=50,
        warm_up_ms=[1.9, 1.2, 1.2],
        scenarios=WHOLE,
        results=[*results],
        idles=[*idles],
    )


def goal(text: str, what: str) -> str:
    """The line of a goal; empty where there is none."""
    return next((line for line in text.splitlines() if line.startswith(f"| {what}")), "")


def test_a_single_run_shows_its_figures() -> None:
    text = summary(report(result(1500)))
    assert "| **messages/s** | 1,500 |" in text
    assert "| … router | 0.500 |" in text
    assert "| RSS of our services, MiB | 50 |" in text
    assert "| RSS of all, MiB | 350 |" in text
    assert "lost | 0 |" in text


def test_several_runs_show_median_and_range() -> None:
    text = summary(report(result(1500), result(1700), result(1200)))
    assert "| **messages/s** | 1,500 (1,200 to 1,700) |" in text


def test_what_makes_a_run_worthless_is_said_below_the_table() -> None:
    text = summary(report(result(1500, verdict=Verdict(sent=9, received=8, lost=1), final=False, restarted=["router"])))
    assert "lost=1" in text
    assert "not every status was final" in text
    assert "restarted during the run: router" in text


def test_a_machine_that_had_other_work_is_said_to() -> None:
    busy = result(1500)
    busy = msgspec.structs.replace(busy, costs=msgspec.structs.replace(busy.costs, others_cores=0.7))
    assert "other work, up to 0.7 cores" in summary(report(result(1500), busy))
    assert "other work" not in summary(report(result(1500)))


def test_a_goal_is_kept_or_missed_by_the_median_in_each_column() -> None:
    text = table(report(result(1500), result(1700), result(1100)))
    assert (
        goal(text, "saturation")
        == "| saturation, closed loop, HTTP | ≥ 1,200/s ✓ | ≥ 2,500/s ✗ | 1,500 (1,100 to 1,700)/s |"
    )
    assert goal(text, "CPU per message at saturation").endswith("| ≤ 1.2 ms ✓ | ≤ 0.6 ms ✗ | 0.90 ms |")


def test_one_lost_message_in_one_run_misses_the_goal() -> None:
    clean, bad = result(1667, scenario="http@1667"), Verdict(sent=9, received=8, lost=1)
    text = table(report(clean, clean, msgspec.structs.replace(clean, verdict=bad)))
    assert "nothing lost, doubled, out of order ✗" in goal(text, "1,667/s")
    assert "nothing lost, doubled, out of order ✓" in goal(table(report(clean)), "1,667/s")


def test_ours_alone_and_all_together_have_goals_when_idle() -> None:
    text = table(report(idles=(Idle(20.0, {"router": 1.5, "presence": 1.0, "kafka": 2.0}),)))
    assert goal(text, "idle").endswith("| ≤ 10 % ✓; ours ≤ 4 % ✓ | ≤ 6 % ✓; ours ≤ 2 % ✗ | 4.5 %; ours 2.5 % |")


def test_what_is_missed_stands_there_with_its_profile_and_the_next_step() -> None:
    measured = report(
        *(result(2000, scenario=name) for name in ("http", "socket")),
        idles=(Idle(20.0, {"router": 4.5, "kafka": 1.0, "redis": 0.1}),),
    )
    text = missed(measured)
    line = goal(text, "CPU per message at saturation").split(" | ")
    assert (line[1], line[2]) == ("0.90 ms", "router 0.500, kafka 0.400 ms")
    assert goal(text, "saturation").split(" | ")[1] == "2,000/s"
    assert goal(text, "idle").split(" | ")[1:3] == ["ours 4.5 %", "router 4.5, kafka 1.0, redis 0.1 %"]
    assert goal(text, "memory") == ""
    assert goal(text, "CPU per message over the WebSocket")
    assert text in summary(measured)


def test_of_what_is_late_one_sees_whether_all_of_it_is() -> None:
    late = result(1667, scenario="http@1667", accept_ms=Latency(7, 36, 80), receipt_ms=Latency(48, 70, 90))
    line = goal(missed(report(late)), "1,667/s").split(" | ")
    assert line[1] == "accept p95 36.0 ms"
    assert line[2] == "accept p50, p95, p99 7, 36, 80 ms; receipt 48, 70, 90 ms; 5 % of the CPU left"


def test_where_nothing_is_missed_nothing_is_said() -> None:
    good = msgspec.structs.replace(result(9000).costs, cpu_ms=0.1)
    assert missed(report(result(9000, costs=good))) == ""
    assert "What is missed" not in page(report(result(9000, costs=good)))
    assert "What is missed" in page(report(result(2000)))


@pytest.mark.parametrize("one", GOALS, ids=lambda one: one.what)
def test_each_goal_has_a_next_step(one: Goal) -> None:
    assert one.next_step


def test_what_was_not_measured_has_no_mark() -> None:
    assert not any(mark in table(report()) for mark in "✓✗")
    assert len(table(report()).splitlines()) == len(GOALS) + 2


def test_the_page_names_machine_versions_goals_figures_and_warm_up() -> None:
    text = page(report(result(1500)))
    for words in ("2 CPUs (x)", "kafka 4.3.1", "## Goals", "| **messages/s** |", "1.900, 1.200, 1.200 ms", "Tinode"):
        assert words in text


def test_the_picture_shows_the_middle_run() -> None:
    runs = [
        msgspec.structs.replace(one, costs=msgspec.structs.replace(one.costs, cpu_ms_by_process=spent, cpu_ms=cpu_ms))
        for cpu_ms, spent in ((9.0, {"nginx": 9.0}), (1.0, {"nginx": 1.0}), (2.0, {"nginx": 2.0}))
        for one in (result(1500),)
    ]
    part = message(WHOLE[0], runs, {}, {})
    assert (part.name, part.ms) == ("HTTP, closed loop (1,500/s)", 2.0)


def test_a_report_can_be_read_back() -> None:
    whole = report(result(1500), idles=(Idle(20.0, {"router": 1.5}),))
    assert msgspec.json.decode(msgspec.json.encode(whole), type=Report) == whole


@pytest.mark.parametrize(("host", "own"), [("127.0.0.1", True), ("::1", True), ("192.0.2.7", False), ("", False)])
def test_only_this_machine_is_loaded(host: str, own: bool) -> None:
    assert is_loopback(host) is own


def test_another_machine_is_refused_before_anything_is_sent() -> None:
    answer = CliRunner().invoke(app, ["--url", "http://192.0.2.7:8080"])
    assert answer.exit_code == 2
    assert "loopback" in answer.output


def test_a_word_that_names_no_scenario_is_refused_with_those_that_do() -> None:
    answer = CliRunner().invoke(app, ["--only", "http,udp"])
    assert answer.exit_code == 2
    assert "udp" in answer.output
    assert "http@500" in answer.output
