"""What a message may cost: who rises above it has to say why, who falls below it lowers it."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

FILE = Path(__file__).with_name("budget.json")
FALL = 0.15
MORE, LESS = "more than the budget allows", "less: lower the budget"

Counters = Mapping[str, float]
"""Name → how much one message adds to it."""


class Cost(NamedTuple):
    """What the messages of one load cost, each."""

    load: str
    messages: int
    counters: Counters


class Rule(NamedTuple):
    """How far a cost may be above its budget: a share of it, and so much in a whole run, which the clock may add."""

    rise: float
    slack: float


COUNT = Rule(0.02, 6)
BYTES = Rule(0.05, 2_000)
OWN_RULES = {
    "Redis commands": Rule(0.02, 40),  # the heartbeat of four feeds, where it falls into a run
    "MongoDB updates": Rule(0.02, 15),  # watermarks are written once a second
    "MongoDB bytes out": Rule(0.05, 10_000),  # drivers ask every ten seconds who is primary
    "MongoDB journal syncs": Rule(0.05, 30),  # one serves all that wait for it
}
PER_BATCH = 3.0
"""What is counted by the batch, not by the message, depends on the speed of the machine: it may be so much more."""


class Line(NamedTuple):
    """One cost beside its budget; `words` say what is wrong with it, or nothing."""

    load: str
    counter: str
    cost: float
    budget: float
    words: str


def compare(costs: Iterable[Cost], budget: Mapping[str, Counters]) -> list[Line]:
    return [
        Line(
            c.load, name, cost, allowed := budget.get(c.load, {}).get(name, 0.0), judge(name, cost, allowed, c.messages)
        )
        for c in costs
        for name, cost in c.counters.items()
    ]


def judge(name: str, cost: float, budget: float, messages: int) -> str:
    """`MORE`, `LESS`, or nothing to say."""
    is_bytes = "bytes" in name
    rise, slack = OWN_RULES.get(name, BYTES if is_bytes else COUNT)
    is_per_batch = budget < (50 if is_bytes else 0.5)
    if cost > budget * (1 + (PER_BATCH if is_per_batch else rise)) + slack / messages:
        return MORE
    return LESS if not is_per_batch and cost < budget * (1 - FALL) - slack / messages else ""


def highest(runs: Iterable[Sequence[Cost]]) -> dict[str, dict[str, float]]:
    """A budget by which each of these runs would pass."""
    found: dict[str, dict[str, float]] = {}
    for cost in (cost for run in runs for cost in run):
        budget = found.setdefault(cost.load, {})
        for name, count in cost.counters.items():
            digits = 1 if "bytes" in name else 3
            budget[name] = max(budget.get(name, 0.0), round(count, digits))
    return found


def read_budget(file: Path = FILE) -> dict[str, dict[str, float]]:
    return msgspec.json.decode(file.read_bytes(), type=dict[str, dict[str, float]])


def write_budget(budget: Mapping[str, Counters], file: Path = FILE) -> None:
    file.write_bytes(msgspec.json.format(msgspec.json.encode(budget), indent=2) + b"\n")


def table(lines: Sequence[Line]) -> str:
    """A row for each counter, and two columns for each load: what it costs now, and the budget."""
    loads = list(dict.fromkeys(line.load for line in lines))
    names = list(dict.fromkeys(line.counter for line in lines))
    cells = {(line.counter, line.load): _cells(line) for line in lines}
    rows = [
        ["per message", *(text for load in loads for text in (load, "budget"))],
        ["---", *["---:"] * (2 * len(loads))],
        *([name, *(text for load in loads for text in cells[name, load])] for name in names),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cells(line: Line) -> tuple[str, str]:
    cost, budget = (_number(line.counter, count) for count in (line.cost, line.budget))
    return (f"**{cost}**" if line.words else cost), budget


def _number(name: str, count: float) -> str:
    return f"{count:,.1f}" if "bytes" in name else f"{abs(count) if abs(count) < 0.0005 else count:.3f}"


def complaints(lines: Iterable[Line]) -> list[str]:
    """One line each, for what fails."""
    return [
        f"{line.load}: {line.counter}: {_number(line.counter, line.cost)} a message, "
        f"the budget is {_number(line.counter, line.budget)}{_factor(line)}: {line.words}"
        for line in lines
        if line.words
    ]


def _factor(line: Line) -> str:
    return f" ({line.cost / line.budget:.2f} times)" if line.budget else ""
