"""The checks can fail: books that agree pass, and each way of spoiling them is found by the check made for it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.ledger.channels.books import Books, Change, Group, Heard, Person, Written
from tests.ledger.channels.checks import CHECKS, check
from tests.ledger.channels.evidence import Delivery, Entry, Evidence, Shown, Stored, Told

TEA = Person("tea", "messenger", "7")
CHO = Person("cho", "telegram", "5")
OUT = ("r out 0", "r out 1")


def scene() -> tuple[Books, Evidence]:
    """Ana writes two messages to tea and cho; tea says one, edits it, and says one more; cho says one."""
    books = Books("r", ("messenger", "telegram"), [Group("c", "ana", [TEA, CHO])])
    books.written = [Written(0, f"w{n}", text, accepted=True) for n, text in enumerate(OUT)]
    books.heard = [Heard(0, number, message) for number, message in enumerate(("w0", "m-a", "w1", "m-b", "m-c"), 1)]
    books.changes = [Change("w0", "tea", "messenger", status) for status in ("QUEUED", "SENT", "READ")]
    log = [
        *(Entry("messenger", "7", "sent", f"out{n}", text) for n, text in enumerate(OUT)),
        *(Entry("telegram", "5", "sent", f"5/{n}", text) for n, text in enumerate(OUT)),
        Entry("messenger", "7", "said", "a", "r in a"),
        Entry("messenger", "7", "edited", "a", "r in A"),
        Entry("messenger", "7", "said", "b", "r in b"),
        Entry("telegram", "5", "said", "5/9", "r in c"),
    ]
    stored = [
        Stored("w0", "c", 1, "ana", OUT[0], False, None),
        Stored("m-a", "c", 2, "tea", "r in A", False, ("messenger", "a")),
        Stored("w1", "c", 3, "ana", OUT[1], False, None),
        Stored("m-b", "c", 4, "tea", "r in b", False, ("messenger", "b")),
        Stored("m-c", "c", 5, "cho", "r in c", False, ("telegram", "5/9")),
    ]
    rising = {"messenger": ("QUEUED", "SENT", "DELIVERED", "READ"), "telegram": ("QUEUED", "SENT")}
    deliveries = [
        Delivery(w.message_id, p.username, p.channel, rising[p.channel][-1], rising[p.channel], False)
        for w in books.written
        for p in (TEA, CHO)
    ]
    return books, Evidence(
        log=log,
        told=[Told("messenger", "7", "a", 1.0, 1.1), Told("messenger", "7", "b", 2.0, 2.1)],
        read=frozenset({("messenger", "out0"), ("messenger", "out1")}),
        stored=stored,
        deliveries=deliveries,
        shown={"c": [Shown(s.message_id, s.number, s.text) for s in stored]},
        histories={(d.message_id, d.recipient, d.channel): d.history for d in deliveries},
    )


def found(books: Books, evidence: Evidence) -> list[str]:
    return [verdict.check for verdict in check(books, evidence) if verdict.count]


def test_books_that_agree_are_clean() -> None:
    assert found(*scene()) == []


Spoil = Callable[[Books, Evidence], None]


def with_stored(message_id: str, **changes: Any) -> Spoil:
    def spoil(books: Books, evidence: Evidence) -> None:
        evidence.stored = [s._replace(**changes) if s.message_id == message_id else s for s in evidence.stored]

    return spoil


def with_delivery(**changes: Any) -> Spoil:
    """Of the first message, to tea."""

    def spoil(books: Books, evidence: Evidence) -> None:
        first, *others = evidence.deliveries
        evidence.deliveries = [first._replace(**changes), *others]

    return spoil


def lose_a_message(books: Books, evidence: Evidence) -> None:
    evidence.stored = [s for s in evidence.stored if s.message_id != "w1"]


def lose_on_the_way_out(books: Books, evidence: Evidence) -> None:
    evidence.log = [e for e in evidence.log if e.external_id != "out1"]


def send_twice(books: Books, evidence: Evidence) -> None:
    evidence.log = [*evidence.log, Entry("telegram", "5", "sent", "5/3", OUT[1])]


def send_to_a_stranger(books: Books, evidence: Evidence) -> None:
    evidence.log = [*evidence.log, Entry("telegram", "6", "sent", "6/1", OUT[1])]


def swap_on_the_way_out(books: Books, evidence: Evidence) -> None:
    first, second, *others = evidence.log
    evidence.log = [second, first, *others]


def lose_what_was_said(books: Books, evidence: Evidence) -> None:
    evidence.stored = [s for s in evidence.stored if s.message_id != "m-c"]


def double_what_was_said(books: Books, evidence: Evidence) -> None:
    evidence.stored = [*evidence.stored, Stored("m-d", "c", 6, "cho", "r in c", False, ("telegram", "5/9"))]


def put_elsewhere(books: Books, evidence: Evidence) -> None:
    with_stored("m-c", conversation_id="d", number=1)(books, evidence)


def swap_what_was_said(books: Books, evidence: Evidence) -> None:
    with_stored("m-a", number=4)(books, evidence)
    with_stored("m-b", number=2)(books, evidence)


def fall_at_the_socket(books: Books, evidence: Evidence) -> None:
    books.changes.append(Change("w0", "tea", "messenger", "SENT"))


def fall_in_the_api(books: Books, evidence: Evidence) -> None:
    evidence.histories = {**evidence.histories, ("w0", "tea", "messenger"): ("QUEUED", "READ", "DELIVERED")}


def read_without_reading(books: Books, evidence: Evidence) -> None:
    evidence.read = frozenset()


def miss_one_at_the_socket(books: Books, evidence: Evidence) -> None:
    del books.heard[2]


def hear_twice(books: Books, evidence: Evidence) -> None:
    books.heard.append(books.heard[-1])


def show_another(books: Books, evidence: Evidence) -> None:
    evidence.shown = {"c": [s._replace(text="other") for s in evidence.shown["c"]]}


SPOILED: list[tuple[Spoil, str]] = [
    (lose_a_message, "accepted is stored once"),
    (with_stored("m-c", external=("telegram", "5/8")), "what is stored was written or said"),
    (with_stored("w1", number=9), "numbers are 1 … n"),
    (lose_on_the_way_out, "nothing is lost on the way out"),
    (send_twice, "nothing is there twice, but what is marked uncertain"),
    (send_to_a_stranger, "nobody gets what is not theirs"),
    (swap_on_the_way_out, "chats are in order"),
    (lose_what_was_said, "what was said is stored once"),
    (double_what_was_said, "what was said is stored once"),
    (put_elsewhere, "what was said is stored once"),
    (swap_what_was_said, "what was said is in its order"),
    (with_stored("m-a", text="r in a"), "edits and what was taken back hold"),
    (with_stored("m-a", is_unsent=True), "edits and what was taken back hold"),
    (with_delivery(history=("QUEUED", "READ", "SENT")), "no status falls"),
    (fall_at_the_socket, "no status falls"),
    (fall_in_the_api, "no status falls"),
    (read_without_reading, "what is READ was read"),
    (with_delivery(status="DELIVERED"), "each delivery is at its channel's ceiling"),
    (miss_one_at_the_socket, "the web hears everything, once and in order"),
    (hear_twice, "the web hears everything, once and in order"),
    (show_another, "the history shows what is stored"),
]


@pytest.mark.parametrize(("spoil", "caught_by"), SPOILED)
def test_what_is_spoiled_is_found_by_the_check_made_for_it(spoil: Spoil, caught_by: str) -> None:
    books, evidence = scene()
    spoil(books, evidence)
    assert caught_by in found(books, evidence)


def test_every_check_is_spoiled_by_something() -> None:
    assert {caught_by for _, caught_by in SPOILED} == set(CHECKS)


def test_what_is_uncertain_may_be_there_twice_and_no_more() -> None:
    books, evidence = scene()
    evidence.deliveries = [d._replace(is_uncertain=True) for d in evidence.deliveries]
    send_twice(books, evidence)
    assert found(books, evidence) == []
    send_twice(books, evidence)
    assert found(books, evidence) == ["nothing is there twice, but what is marked uncertain"]


def test_what_was_told_at_the_same_time_may_stand_in_any_order() -> None:
    books, evidence = scene()
    evidence.told = [one._replace(tried_at=1.0, taken_at=3.0) for one in evidence.told]
    swap_what_was_said(books, evidence)
    assert "what was said is in its order" not in found(books, evidence)


def test_what_was_taken_back_need_not_be_stored_and_says_nothing_where_it_is() -> None:
    books, evidence = scene()
    evidence.log = [*evidence.log, Entry("messenger", "7", "deleted", "b", "")]
    assert found(books, evidence) == ["edits and what was taken back hold"]
    gone = replace(evidence)
    with_stored("m-b", is_unsent=True, text="[unsent]")(books, gone)
    assert "edits and what was taken back hold" not in found(books, gone)
    without = replace(evidence, stored=[s for s in evidence.stored if s.message_id != "m-b"])
    assert "what was said is stored once" not in found(books, without)
