"""What a reader of a report sees, and what the command refuses."""

import msgspec
import pytest
from typer import BadParameter
from typer.testing import CliRunner

from bench.cli import app, choose, is_loopback
from bench.figures import Latency
from bench.ledger import Verdict
from bench.report import Report, markdown
from bench.run import Result
from bench.stack import Costs

SETTINGS = {"commit": "abc", "machine": {"cpus": 2, "cpu": "x"}, "gateway": "g"}


def result(per_second: float, **changes: object) -> Result:
    costs = Costs(0.9, {"router": 0.5, "kafka": 0.4}, 0.12, {"router": 50 << 20, "kafka": 300 << 20}, 0.1, 0.05, 3.0)
    whole = Result(
        scenario="HTTP, closed loop",
        seconds=10.0,
        per_second=per_second,
        accept_ms=Latency(1, 2, 3),
        receipt_ms=Latency(4, 5, 6),
        verdict=Verdict(sent=1000, received=1000),
        final=True,
        retries=0,
        acks_per_message=1.0,
        settle_s=0.2,
        costs=costs,
        restarted=[],
    )
    return msgspec.structs.replace(whole, **changes)


def report(*results: Result) -> Report:
    return Report(
        at="2026-11-21T10:15:30Z",
        settings=SETTINGS,
        pairs=50,
        scenarios=choose(["http"], 100, 10, 2),
        results=[*results],
    )


def test_a_single_run_shows_its_figures() -> None:
    text = markdown(report(result(1500)))
    assert "| **messages/s** | 1,500 |" in text
    assert "| … router | 0.500 |" in text
    assert "| RSS of our services, MiB | 50 |" in text
    assert "| RSS of all, MiB | 350 |" in text
    assert "lost | 0 |" in text


def test_several_runs_show_median_and_range() -> None:
    text = markdown(report(result(1500), result(1700), result(1200)))
    assert "| **messages/s** | 1,500 (1,200 to 1,700) |" in text


def test_what_makes_a_run_worthless_is_said_below_the_table() -> None:
    text = markdown(
        report(result(1500, verdict=Verdict(sent=9, received=8, lost=1), final=False, restarted=["router"]))
    )
    assert "lost=1" in text
    assert "not every status was final" in text
    assert "restarted during the run: router" in text


def test_a_report_can_be_read_back() -> None:
    kept = msgspec.json.encode(report(result(1500)))
    assert msgspec.json.decode(kept, type=Report).results[0].accept_ms == Latency(1, 2, 3)


@pytest.mark.parametrize(("host", "own"), [("127.0.0.1", True), ("::1", True), ("192.0.2.7", False), ("", False)])
def test_only_this_machine_is_loaded(host: str, own: bool) -> None:
    assert is_loopback(host) is own


def test_another_machine_is_refused_before_anything_is_sent() -> None:
    answer = CliRunner().invoke(app, ["--url", "http://192.0.2.7:8080"])
    assert answer.exit_code == 2
    assert "loopback" in answer.output


def test_scenarios_are_chosen_by_name() -> None:
    assert [(s.door, s.rate) for s in choose(["socket", "rate"], 250, 10, 2)] == [("socket", None), ("http", 250)]
    with pytest.raises(BadParameter, match="udp"):
        choose(["udp"], 100, 10, 2)
