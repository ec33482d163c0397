"""Checks of statuses: they only rise, and all are final at the end."""

from collections.abc import Iterator

from tests.ledger.checker.evidence import Evidence
from tests.ledger.history import FINAL, RANKS, History, Looked

NAMES = {rank: name for name, rank in RANKS.items()}


def never_fall(history: History, evidence: Evidence) -> Iterator[str]:
    """Of two looks, the one that began after the other had ended sees no less."""
    of_message: dict[int, list[Looked]] = {}
    for look in history.looks:
        of_message.setdefault(look.message, []).append(look)
    for message, looks in of_message.items():
        looks.sort(key=lambda look: look.began)
        for later in looks:
            before = max((e.rank for e in looks if e.ended < later.began), default=0)
            if later.rank < before:
                yield f"{history.message_id(message)} fell from {NAMES[before]} to {NAMES[later.rank]}"


def all_final(history: History, evidence: Evidence) -> Iterator[str]:
    for one in evidence.stored:
        status = evidence.statuses.get(one.message, "not shown")
        if status not in FINAL:
            yield f"{one.message_id} ends as {status}"
