"""A set of runs as one Markdown table for people and one JSON document for later comparison."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from bench.figures import Spread, spread
from bench.idle import Idle
from bench.picture.parts import Part
from bench.run import Result
from bench.scenarios import Scenario
from bench.stack import OURS

MIB = 1024 * 1024
LEAST_PERCENT = 0.05
QUIET_CORES = 0.2  # that others may use


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a later reader needs: when, where, how, and each run.

    `warm_up_ms` is the CPU that a message cost in each part of the warm-up, `messages` where it went in two loads."""

    at: str
    settings: dict[str, Any]
    pairs: int
    warm_up_ms: list[float]
    scenarios: list[Scenario]
    results: list[Result]
    idles: list[Idle]
    messages: list[Part] = []

    def runs(self, scenario: str) -> list[Result]:
        return [result for result in self.results if result.scenario == scenario]


def heading(report: Report) -> str:
    """When, of what and on what, in one line."""
    machine = report.settings["machine"]
    runs = max((len(report.runs(one.name)) for one in report.scenarios), default=0)
    seconds = "/".join(f"{n:g}" for n in sorted({one.seconds for one in report.scenarios}))
    return (
        f"{report.at} · commit {report.settings['commit']} · {machine['cpus']} CPUs ({machine['cpu']}) · "
        f"{report.pairs} pairs, {runs} run(s) of {seconds} s"
    )


def table(report: Report) -> str:
    """One column a scenario: the median of its runs, and their range where there are several."""
    columns = {one.title: runs for one in report.scenarios if (runs := report.runs(one.name))}
    rows = [*_figures(columns), *_by_process(columns), *_memory(columns), *_around(columns)]
    lines = [_row(["", *columns]), _row(["---"] + ["---:"] * len(columns)), *map(_row, rows)]
    return "\n".join(lines)


def idleness(report: Report) -> str:
    """The CPU of each process while nothing happens; empty where that was not measured."""
    if not report.idles:
        return ""
    names = _names(idle.percent for idle in report.idles)
    by_name = {name: spread([idle.percent.get(name, 0.0) for idle in report.idles]) for name in names}
    busy = sorted((name for name in names if by_name[name].median >= LEAST_PERCENT), key=lambda n: -by_name[n].median)
    shown = ", ".join(f"{name} {by_name[name].median:.1f}" for name in busy)
    return f"Idle, in % of one core: all {_cell([one.everything for one in report.idles], '{:.1f}')}: {shown}."


def warnings(results: Sequence[Result]) -> list[str]:
    """What makes a run worthless."""
    found = []
    for result in results:
        if not result.verdict.clean:
            found.append(f"**{result.scenario}: {result.verdict}**")
        if not result.final:
            found.append(f"**{result.scenario}: not every status was final when the run gave up waiting**")
        if result.restarted:
            found.append(f"**{result.scenario}: restarted during the run: {', '.join(result.restarted)}**")
    if (most := max((result.costs.others_cores for result in results), default=0.0)) > QUIET_CORES:
        found.append(f"**The machine had other work, up to {most:.1f} cores: it would be faster without.**")
    return found


def _figures(columns: Mapping[str, Sequence[Result]]) -> list[list[str]]:
    return [
        _line("**messages/s**", columns, lambda r: r.per_second, "{:,.0f}"),
        *(
            _line(f"{what} {name}, ms", columns, attrgetter(f"{what}_ms.{name}"), "{:.1f}")
            for what in ("accept", "receipt")
            for name in ("p50", "p95", "p99")
        ),
        _line("**CPU ms/message, all servers**", columns, lambda r: r.costs.cpu_ms, "{:.3f}"),
    ]


def _by_process(columns: Mapping[str, Sequence[Result]]) -> list[list[str]]:
    names = _names(r.costs.cpu_ms_by_process for runs in columns.values() for r in runs)

    def line(name: str) -> list[str]:
        return _line(f"… {name}", columns, lambda r: r.costs.cpu_ms_by_process.get(name, 0.0), "{:.3f}")

    return [*map(line, names), _line("driver, apart", columns, lambda r: r.costs.driver_ms, "{:.3f}")]


def _memory(columns: Mapping[str, Sequence[Result]]) -> list[list[str]]:
    names = _names(r.costs.rss for runs in columns.values() for r in runs)

    def line(name: str) -> list[str]:
        return _line(f"RSS {name}, MiB", columns, lambda r: r.costs.rss.get(name, 0) / MIB, "{:.0f}")

    def ours(result: Result) -> float:
        return sum(rss for name, rss in result.costs.rss.items() if name in OURS) / MIB

    def everything(result: Result) -> float:
        return sum(result.costs.rss.values()) / MIB

    return [
        *map(line, names),
        _line("RSS of our services, MiB", columns, ours, "{:.0f}"),
        _line("RSS of all, MiB", columns, everything, "{:.0f}"),
    ]


def _around(columns: Mapping[str, Sequence[Result]]) -> list[list[str]]:
    return [
        _line("messages", columns, lambda r: r.verdict.sent, "{:,.0f}"),
        *(
            _line(name.replace("_", " "), columns, attrgetter(f"verdict.{name}"), "{:.0f}")
            for name in ("lost", "unanswered", "doubled", "out_of_order", "foreign")
        ),
        _line("sent again (503)", columns, lambda r: r.retries, "{:.0f}"),
        _line("acks/message", columns, lambda r: r.acks_per_message, "{:.2f}"),
        _line("caught up after the last, s", columns, lambda r: r.caught_up_s, "{:.2f}"),
        _line("CPU of others, cores", columns, lambda r: r.costs.others_cores, "{:.2f}"),
        _line("CPU idle, %", columns, lambda r: r.costs.idle_share * 100, "{:.0f}"),
        _line("load average", columns, lambda r: r.costs.load_average, "{:.1f}"),
    ]


def _line(what: str, columns: Mapping[str, Sequence[Result]], value: Callable[[Result], float], form: str) -> list[str]:
    return [what, *(_cell([value(run) for run in runs], form) for runs in columns.values())]


def _cell(values: Sequence[float], form: str) -> str:
    return shown(spread(values), form)


def shown(values: Spread, form: str) -> str:
    """The median, and the range where there is one."""
    median, low, high = (form.format(value) for value in values)
    return median if low == high else f"{median} ({low} to {high})"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _names(of_runs: Iterable[Mapping[str, float]]) -> list[str]:
    return sorted({name for one in of_runs for name in one})
