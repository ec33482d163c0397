"""What a run found, as a table for people: each fault with what was under way, each check, the figures beside them."""

import math
import statistics
from collections import defaultdict
from collections.abc import Iterator

from tests.ledger import verdicts
from tests.ledger.history import SECOND, Fault, History
from tests.ledger.run import Outcome

GOAL_S = 10


def under_way(history: History, fault: Fault) -> tuple[int, int, int]:
    """(accepted, in flight, delivered) from the harm to normal speed; in flight: sent by then, arrived after it."""
    end = fault.normal or fault.undone
    accepted = sum(1 for s in history.sent if fault.began < s.accepted <= end)
    in_flight = sum(1 for s in history.sent if s.sent <= end and s.arrived > fault.began)
    delivered = sum(1 for s in history.sent if fault.began < s.arrived <= end)
    return accepted, in_flight, delivered


def resumes(history: History) -> tuple[int, int]:
    """(recovered, all) of those after a cut or a node's death; without those that Redis died in between."""
    asked = [
        c
        for c in history.connections
        if c.resumed is not None and not any(c.resumed.caught_up < lost < c.ready for lost in history.redis_lost)
    ]
    return sum(1 for c in asked if c.recovered), len(asked)


def idle_faults(history: History) -> list[str]:
    """Faults that nothing was in flight for: they prove nothing."""
    return [fault.name for fault in history.faults if not under_way(history, fault)[1]]


def render(outcome: Outcome) -> str:
    history = outcome.history
    return "\n".join([*_head(outcome), "", *_faults(history), *kills(history), "", *_checks(outcome), ""])


PREFACE = """\
# The ledger
Written by `make ledger`: people write and read on a stack of their own while parts of it are taken away, and every
message is accounted for afterwards, from what clients recorded, from MongoDB and from Kafka. *Normal after* counts from
the harm until a second began of which 95 of 100 messages reached a device within half a second each. What was accepted,
in flight or delivered is counted over the same time.

"""


def _head(outcome: Outcome) -> Iterator[str]:
    history = outcome.history
    accepted = sum(1 for s in history.sent if s.accepted)
    recovered, asked = resumes(history)
    yield f"{len(history.sent):,} messages were sent in {len(history.conversations)} conversations of"
    yield f"{len(history.users)} people, {accepted:,} accepted; {sum(len(c.pushes) for c in history.connections):,}"
    yield f"frames reached {len(history.connections):,} connections. {recovered:,} of {asked:,} resumes were"
    yield f"recovered. Seed {outcome.plan.seed}, {outcome.seconds:.0f} s."


def _faults(history: History) -> Iterator[str]:
    yield "| fault | lasted | normal after | accepted | in flight | delivered |"
    yield "|---|---:|---:|---:|---:|---:|"
    for fault in history.faults:
        normal = _after((fault.normal - fault.began) / SECOND if fault.normal else math.inf)
        counts = " | ".join(f"{count:,}" for count in under_way(history, fault))
        yield f"| {fault.name} | {_s(fault.undone - fault.began)} s | {normal} | {counts} |"


def kills(history: History) -> Iterator[str]:
    """Of processes that were killed alone."""
    took: dict[str, list[float]] = defaultdict(list)
    for fault in history.faults:
        what, _, process = fault.name.partition(" ")
        if what == "kill" and " " not in process:
            took[process].append((fault.normal - fault.began) / SECOND if fault.normal else math.inf)
    if not took:
        return
    yield ""
    yield f"| SIGKILL of | times | normal after, median | slowest | at most {GOAL_S} s |"
    yield "|---|---:|---:|---:|---|"
    for process, seconds in sorted(took.items()):
        slowest = max(seconds)
        mark = "✓" if slowest <= GOAL_S else "✗"
        yield f"| {process} | {len(seconds)} | {_after(statistics.median(seconds))} | {_after(slowest)} | {mark} |"


def _checks(outcome: Outcome) -> Iterator[str]:
    yield from verdicts.table(outcome.verdicts)
    yield f"| answers are those of the contract | {len(outcome.history.surprises):,} |"
    yield from verdicts.examples(outcome.verdicts, outcome.history.surprises)


def _after(seconds: float) -> str:
    return "never" if math.isinf(seconds) else f"{seconds:.1f} s"


def _s(nanoseconds: int) -> str:
    return f"{nanoseconds / SECOND:.1f}"
