"""The checker: what clients saw against what MongoDB and Kafka hold. It knows the contract, and none of our code."""

from collections.abc import Callable, Iterator

from tests.ledger.checker import devices, log, statuses
from tests.ledger.checker.evidence import Evidence
from tests.ledger.history import History
from tests.ledger.verdicts import Verdict, verdict

Check = Callable[[History, Evidence], Iterator[str]]
CHECKS: dict[str, Check] = {
    "accepted is stored once": log.accepted_is_stored_once,
    "accepted is in the topic": log.accepted_is_in_the_topic,
    "refused is stored at most once": log.refused_is_stored_at_most_once,
    "what is stored was sent": log.stored_was_sent,
    "numbers are 1 … n": log.numbers_are_dense,
    "the order of senders holds": log.order_of_senders_holds,
    "no 202 without the broker": log.nothing_is_accepted_without_the_broker,
    "devices miss nothing": devices.nothing_is_missed,
    "devices get nothing twice": devices.nothing_comes_twice,
    "devices get what is stored": devices.frames_are_true,
    "receipts are true": devices.receipts_are_true,
    "no status fell": statuses.never_fall,
    "every status is final": statuses.all_final,
}


def check(history: History, evidence: Evidence) -> list[Verdict]:
    """One verdict per check, in the order of `CHECKS`; a count of 0 is what a correct platform gets."""
    return [verdict(name, one(history, evidence)) for name, one in CHECKS.items()]
