"""Where that goes of which there is too much: CPU, memory, time, each in a line about the runs that measured it."""

from collections.abc import Callable, Iterable, Mapping
from statistics import median

from bench.report import MIB, Report
from bench.run import Result
from bench.stack import OURS

MOST = 5
"""Processes that are named."""


def cpu_of(scenario: str) -> Callable[[Report], str]:
    def profile(report: Report) -> str:
        return _largest((run.costs.cpu_ms_by_process for run in report.runs(scenario)), "{:.3f}", "ms")

    return profile


def time_of(scenario: str) -> Callable[[Report], str]:
    """Percentiles show whether all are late or few, and what is left of the CPU whether they wait for that."""

    def profile(report: Report) -> str:
        runs = report.runs(scenario)
        accept, receipt = (_percentiles(runs, what) for what in ("accept_ms", "receipt_ms"))
        left = median(run.costs.idle_share for run in runs) * 100
        return f"accept p50, p95, p99 {accept} ms; receipt {receipt} ms; {left:.0f} % of the CPU left"

    return profile


def memory(report: Report) -> str:
    ours = [{name: rss / MIB for name, rss in run.costs.rss.items() if name in OURS} for run in report.results]
    return _largest(ours, "{:.0f}", "MiB")


def rest(report: Report) -> str:
    return _largest((idle.percent for idle in report.idles), "{:.1f}", "%")


def _percentiles(runs: list[Result], what: str) -> str:
    return ", ".join(
        f"{median(getattr(getattr(run, what), name) for run in runs):.0f}" for name in ("p50", "p95", "p99")
    )


def _largest(runs: Iterable[Mapping[str, float]], form: str, unit: str) -> str:
    """Medians over the runs."""
    measured = list(runs)
    spent = {
        name: median(run.get(name, 0.0) for run in measured) for name in {name for run in measured for name in run}
    }
    first = sorted(spent, key=lambda name: (-spent[name], name))[:MOST]
    return ", ".join(f"{name} {form.format(spent[name])}" for name in first) + f" {unit}"
