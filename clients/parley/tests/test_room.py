"""What a chat shows of one conversation: ticks that follow receipts and never go back."""

from datetime import UTC, datetime
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from clients.parley import Message, Receipt
from clients.parley.cli.chat.room import FAILED, KEPT, TICKS, Room

NOW = datetime(2026, 11, 21, 10, 15, 30, tzinfo=UTC)
ON_ITS_WAY, SENT, DELIVERED, READ = TICKS.values()


def room(*others: str) -> Room:
    return Room("ana", frozenset(others or ("ben",)))


def message(number: int, sender: str = "ana", status: str = "SENT") -> Message:
    return Message(
        message_id=f"m{number}",
        conversation_id="c",
        sequence_number=number,
        sender=sender,
        payload={"type": "text", "text": f"text {number}"},
        status=status,
        created_at=NOW,
    )


def receipt(username: str, status: str, number: int) -> Receipt:
    return Receipt(conversation_id="c", username=username, status=status, sequence_number=number, at=NOW)


def test_the_ticks_of_a_text_follow_its_way() -> None:
    talk = room()
    entry = talk.begin("m1", "hi")
    seen = [talk.tick(entry)]
    talk.accepted("m1")
    seen.append(talk.tick(entry))
    talk.arrived(message(1))
    for status in ("DELIVERED", "READ"):
        talk.receipt(receipt("ben", status, 1))
        seen.append(talk.tick(entry))
    assert seen == [ON_ITS_WAY, SENT, DELIVERED, READ]


def test_a_text_that_was_refused_says_so_and_is_not_on_its_way() -> None:
    talk = room()
    entry = talk.begin("m1", "hi")
    talk.refused("m1", "too long")
    assert (talk.tick(entry), entry.fault, talk.is_on_its_way(entry)) == (FAILED, "too long", False)


def test_a_text_that_was_given_up_and_arrives_all_the_same_is_sent() -> None:
    talk = room()
    entry = talk.begin("m1", "hi")
    talk.refused("m1", "no answer")
    talk.arrived(message(1))
    assert (talk.tick(entry), entry.fault) == (SENT, "")


def test_a_receipt_may_come_before_the_number_that_it_covers() -> None:
    talk = room()
    entry = talk.begin("m1", "hi")
    talk.receipt(receipt("ben", "READ", 5))
    assert talk.tick(entry) == ON_ITS_WAY
    talk.arrived(message(1))
    assert talk.tick(entry) == READ


def test_in_a_group_the_last_one_counts() -> None:
    talk = room("ben", "cho")
    entry = talk.arrived(message(1))
    talk.receipt(receipt("ben", "READ", 1))
    assert talk.tick(entry) == SENT
    talk.receipt(receipt("cho", "DELIVERED", 1))
    assert talk.tick(entry) == DELIVERED


def test_others_texts_carry_no_ticks_and_what_comes_twice_stands_once() -> None:
    talk = room()
    entry = talk.arrived(message(1, "ben"))
    assert talk.tick(entry) == ("", "")
    assert talk.arrived(message(1, "ben")) is entry
    assert len(talk.entries) == 1


def test_who_is_there_is_said_once_it_is_known() -> None:
    talk, group = room(), room("ben", "cho", "dan")
    assert talk.who_is_there() == ""
    talk.there["ben"] = "online"
    group.there |= {"ben": "online", "cho": "offline"}
    assert (talk.who_is_there(), group.who_is_there()) == ("ben is online", "1 of 3 others are online")


def test_a_long_chat_keeps_its_end() -> None:
    talk = room()
    for number in range(1, KEPT + 11):
        talk.arrived(message(number))
    assert (len(talk.entries), talk.entries[-1].number) == (KEPT, KEPT + 10)


Happening = tuple[Literal["accepted", "arrived", "DELIVERED", "READ"], int]


@given(st.lists(st.tuples(st.sampled_from(["accepted", "arrived", "DELIVERED", "READ"]), st.integers(0, 3))))
def test_no_order_of_news_takes_a_tick_back(news: list[Happening]) -> None:
    talk = room()
    entry = talk.begin("m1", "hi")
    ticks = list(TICKS.values())
    last = 0
    for what, number in news:
        if what == "accepted":
            talk.accepted("m1")
        elif what == "arrived":
            talk.arrived(message(1))
        else:
            talk.receipt(receipt("ben", what, number))
        assert ticks.index(talk.tick(entry)) >= last
        last = ticks.index(talk.tick(entry))
