"""What a message may cost, and whether it does: two columns of goals, what was measured, and the next step."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from bench.figures import Spread, spread
from bench.profiles import cpu_of, rest, time_of
from bench.profiles import memory as memory_of
from bench.report import MIB, Report, shown
from bench.run import Result
from bench.stack import OURS

KEPT, MISSED = "✓", "✗"


class Bound(NamedTuple):
    """A figure of each run that at most (or at least) may be so much: at the first landing, and then.

    `{}` in the words is the number. None: no goal in that column."""

    words: str
    form: str
    values: Callable[[Report], Sequence[float]]
    first: float | None
    then: float | None
    at_least: bool = False

    def keeps(self, value: float, bound: float) -> bool:
        return value >= bound if self.at_least else value <= bound


class Goal(NamedTuple):
    """`profile` says where it went in the runs of a report, `next_step` what would be tried to go there."""

    what: str
    bounds: tuple[Bound, ...]
    profile: Callable[[Report], str]
    next_step: str


def of(scenario: str, value: Callable[[Result], float]) -> Callable[[Report], list[float]]:
    return lambda report: [value(run) for run in report.runs(scenario)]


def faults(result: Result) -> float:
    verdict = result.verdict
    return verdict.lost + verdict.unanswered + verdict.doubled + verdict.out_of_order + verdict.foreign


def memory(report: Report) -> list[float]:
    """The most that our processes had at the end of a run."""
    return [sum(run.costs.rss.get(name, 0) for name in OURS) / MIB for run in report.results]


def cpu(scenario: str, first: float, then: float) -> tuple[Bound, ...]:
    return (Bound("{} ms", "{:.2f}", of(scenario, lambda r: r.costs.cpu_ms), first, then),)


FEWER_WAKE_UPS = (
    "what is done once for a batch is shared by few here, and the Kafka client (aiokafka) is a third of router and "
    "frontend: try one that fetches and produces in C, behind `libs/common/kafka`"
)
WAITING = "requests wait for a processor, behind batches of the router: let it yield between the steps of a batch"

GOALS = (
    Goal(
        "CPU per message at saturation, `POST /v1/messages` through the gateway",
        cpu("http", 1.2, 0.6),
        cpu_of("http"),
        "the picture below says which function is the largest",
    ),
    Goal(
        "… over the WebSocket",
        cpu("socket", 0.9, 0.5),
        cpu_of("socket"),
        "draw presence under sends of sockets; accept all `send` frames of one round of its loop together",
    ),
    Goal(
        "… `POST /v1/messages/batch` of 50",
        cpu("batch", 0.6, 0.35),
        cpu_of("batch"),
        "read and check a batch in one pass",
    ),
    Goal(
        "saturation, closed loop, HTTP",
        (Bound("{}/s", "{:,.0f}", of("http", lambda r: r.per_second), 1200, 2500, at_least=True),),
        cpu_of("http"),
        "the picture below says which function is the largest",
    ),
    Goal(
        "1,667/s for 60 s, open loop, HTTP",
        (
            Bound("{} lost, doubled, out of order", "{:.0f}", of("http@1667", faults), 0, 0),
            Bound("accept p95 {} ms", "{:.1f}", of("http@1667", lambda r: r.accept_ms.p95), None, 15),
            Bound("receipt p95 {} ms", "{:.1f}", of("http@1667", lambda r: r.receipt_ms.p95), None, 80),
        ),
        time_of("http@1667"),
        WAITING,
    ),
    Goal(
        "3,333/s for 20 s from idle (503 with retry allowed)",
        (
            Bound("{} lost, doubled, out of order", "{:.0f}", of("rush", faults), 0, 0),
            Bound("accept p95 {} ms", "{:.0f}", of("rush", lambda r: r.accept_ms.p95), None, 200),
            Bound("caught up in {} s", "{:.1f}", of("rush", lambda r: r.caught_up_s), None, 10),
        ),
        time_of("rush"),
        "measure the first second alone: there connections are opened, tokens verified and the broker warms up",
    ),
    Goal(
        "receipt p95 at 100/s",
        (Bound("{} ms", "{:.1f}", of("http@100", lambda r: r.receipt_ms.p95), 40, 15),),
        time_of("http@100"),
        "record the slowest twentieth as traces (`bench.sink --show`): which step they wait for",
    ),
    Goal("CPU per message at 500/s", cpu("http@500", 2.5, 1.2), cpu_of("http@500"), FEWER_WAKE_UPS),
    Goal(
        "idle stack, of one core",
        (
            Bound("{} %", "{:.1f}", lambda report: [idle.everything for idle in report.idles], 10, 6),
            Bound("ours {} %", "{:.1f}", lambda report: [idle.ours for idle in report.idles], 4, 2),
        ),
        rest,
        "one client of the broker for a process: each consumer of router, webhooks and files has its own",
    ),
    Goal(
        "memory of our own processes, 50 pairs",
        (Bound("{} MiB", "{:.0f}", memory, 600, 350),),
        memory_of,
        "each process has Python, libraries and clients of its own: load what few calls need when they do",
    ),
)


def table(report: Report, goals: Sequence[Goal] = GOALS) -> str:
    """A goal a line: the bounds of both columns with a mark each (by the median; of faults by the worst run)."""
    lines = ["| | first landing | then | measured |", "|---|---|---|---|"]
    for goal in goals:
        measured = [(bound, values) for bound in goal.bounds if (values := bound.values(report))]
        cells = (
            _column(goal, [bound.first for bound in goal.bounds], report),
            _column(goal, [bound.then for bound in goal.bounds], report),
            "; ".join(bound.words.format(shown(spread(values), bound.form)) for bound, values in measured),
        )
        lines.append(f"| {goal.what} | {' | '.join(cell or '-' for cell in cells)} |")
    return "\n".join(lines)


def missed(report: Report, goals: Sequence[Goal] = GOALS) -> str:
    """Of each goal that is missed in either column: by what, where it went, what would be tried; empty if none is."""
    lines = [
        f"| {goal.what.replace('…', 'CPU per message')} | {words} | {goal.profile(report)} | {goal.next_step} |"
        for goal in goals
        if (words := "; ".join(_misses(goal, report)))
    ]
    head = ["| missed | measured | where it goes | next step |", "|---|---|---|---|"]
    return "\n".join([*head, *lines]) if lines else ""


def _misses(goal: Goal, report: Report) -> Iterator[str]:
    for bound in goal.bounds:
        limits = [limit for limit in (bound.first, bound.then) if limit is not None]
        if (values := bound.values(report)) and not all(_is_kept(bound, limit, spread(values)) for limit in limits):
            yield bound.words.format(shown(spread(values), bound.form))


def _column(goal: Goal, bounds: Sequence[float | None], report: Report) -> str:
    return "; ".join(_cells(goal, bounds, report))


def _cells(goal: Goal, limits: Sequence[float | None], report: Report) -> Iterator[str]:
    for bound, limit in zip(goal.bounds, limits, strict=True):
        if limit is None:
            continue
        sign = "≥ " if bound.at_least else "" if limit == 0 else "≤ "
        values = bound.values(report)
        mark = _mark(bound, limit, spread(values)) if values else ""
        yield bound.words.format(f"{sign}{limit:,g}" if limit else "nothing") + mark


def _mark(bound: Bound, limit: float, values: Spread) -> str:
    return f" {KEPT if _is_kept(bound, limit, values) else MISSED}"


def _is_kept(bound: Bound, limit: float, values: Spread) -> bool:
    return bound.keeps(values.high if limit == 0 else values.median, limit)
