"""The report says for each process how long the platform was not its usual self."""

from tests.ledger.history import SECOND, Fault, History
from tests.ledger.report import kills


def killed(name: str, seconds: float) -> Fault:
    return Fault(name, began=SECOND, undone=SECOND, normal=SECOND + int(seconds * SECOND) if seconds else 0)


def test_kills_are_summed_up_by_process_and_held_against_the_goal() -> None:
    faults = [
        killed("kill router", 4.0),
        killed("kill router", 6.0),
        killed("kill kafka", 10.4),
        killed("kill auth and etcd", 30.0),
        killed("cut mongo", 6.0),
    ]
    assert list(kills(History(run=1, faults=faults)))[3:] == [
        "| kafka | 1 | 10.4 s | 10.4 s | ✗ |",
        "| router | 2 | 5.0 s | 6.0 s | ✓ |",
    ]


def test_a_platform_that_never_was_itself_again_misses_the_goal() -> None:
    assert list(kills(History(run=1, faults=[killed("kill mongo", 0)])))[3:] == ["| mongo | 1 | never | never | ✗ |"]


def test_without_kills_there_is_no_table() -> None:
    assert list(kills(History(run=1, faults=[killed("slow redis", 1.0)]))) == []
