"""What a run found, as tables for people: what went to each platform and came from it, each harm, each check."""

from collections import Counter
from collections.abc import Iterator

from tests.ledger import verdicts
from tests.ledger.channels.run import Outcome

PREFACE = """\
# The ledger of channels
Written by `make ledger what=channels`: people on the web and on simulated platforms talk in groups, both ways, while
platforms tell things late, twice and out of order, and parts are killed. Afterwards each platform's own log is held
against what is stored here. *Under way* counts deliveries that were not sent and updates that no webhook had taken when
the harm was done. What its sender took back before it came here need not be stored.

"""


def render(outcome: Outcome) -> str:
    return "\n".join([*_head(outcome), "", *_channels(outcome), "", *_harms(outcome), "", *_checks(outcome), ""])


def _head(outcome: Outcome) -> Iterator[str]:
    books = outcome.books
    said = len(outcome.evidence.said(books.run))
    yield f"{len(books.written):,} messages were written on the web, each to {len(books.channels)} people on as many"
    yield f"platforms, and {said:,} things were said there, in {len(books.groups)} groups. Seed {outcome.plan.seed},"
    yield f"{outcome.seconds:.0f} s."


def _channels(outcome: Outcome) -> Iterator[str]:
    """Out: deliveries, what the platform has of them, how they ended. In: what was said, and stored."""
    books, evidence = outcome.books, outcome.evidence
    said = Counter(channel for channel, _ in evidence.said(books.run))
    stored = Counter(external[0] for external in evidence.inbound())
    sent = Counter(dict.fromkeys(books.channels, 0))
    for (channel, _), entries in evidence.sent(books.run).items():
        sent[channel] += len(entries)
    yield "| channel | deliveries | there | uncertain | ended as | said there | stored here | changed there |"
    yield "|---|---:|---:|---:|---|---:|---:|---:|"
    for channel in books.channels:
        ours = [d for d in evidence.deliveries if d.channel == channel]
        ends = ", ".join(f"{count:,} {status}" for status, count in Counter(d.status for d in ours).most_common())
        changed = sum(1 for e in evidence.log if e.channel == channel and e.what in ("edited", "deleted"))
        uncertain = sum(d.is_uncertain for d in ours)
        counts = f"{len(ours):,} | {sent[channel]:,} | {uncertain} | {ends} | {said[channel]:,} | {stored[channel]:,}"
        yield f"| {channel} | {counts} | {changed} |"


def _harms(outcome: Outcome) -> Iterator[str]:
    yield "| harm | lasted | under way |"
    yield "|---|---:|---:|"
    for harm in outcome.books.harms:
        yield f"| {harm.name} | {harm.lasted_s:.1f} s | {harm.under_way:,} |"


def _checks(outcome: Outcome) -> Iterator[str]:
    yield from verdicts.table(outcome.verdicts)
    yield from verdicts.examples(outcome.verdicts, outcome.books.surprises)
