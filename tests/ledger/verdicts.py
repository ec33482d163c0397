"""What the checks of both ledgers find, and how a report shows it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

EXAMPLES = 5


@dataclass(frozen=True)
class Verdict:
    """What one check found: how many violations, and the first of them in words."""

    check: str
    count: int
    examples: Sequence[str]


def verdict(check: str, violations: Iterable[str]) -> Verdict:
    examples, count = [], 0
    for violation in violations:
        count += 1
        if count <= EXAMPLES:
            examples.append(violation)
    return Verdict(check, count, examples)


def table(verdicts: Iterable[Verdict]) -> Iterator[str]:
    yield "| check | violations |"
    yield "|---|---:|"
    for one in verdicts:
        yield f"| {one.check} | {one.count:,} |"


def examples(verdicts: Iterable[Verdict], surprises: Sequence[str]) -> Iterator[str]:
    """What stands below the table: nothing where nothing was found."""
    found = [f"- {one.check}: {example}" for one in verdicts for example in one.examples]
    found += [f"- {surprise}" for surprise in surprises[:EXAMPLES]]
    if found:
        yield ""
        yield from found
