"""Checks of what is stored: once, numbered without gap, in the order of each sender, and only what Kafka has."""

from collections.abc import Iterator

from tests.ledger.checker.evidence import Evidence
from tests.ledger.history import History, Sent


def accepted_is_stored_once(history: History, evidence: Evidence) -> Iterator[str]:
    for index, sent in enumerate(history.sent):
        found = evidence.by_message.get(index, ())
        if sent.accepted and len(found) != 1:
            yield f"{history.message_id(index)} was accepted by {sent.way} and is stored {len(found)} times"
        for one in found:
            if one.message_id != history.message_id(index):
                yield f"{history.message_id(index)} is stored as {one.message_id}"
            if one.conversation != sent.conversation or one.sender != history.users[sent.sender]:
                yield f"{one.message_id} is stored in another conversation, or from somebody else"


def accepted_is_in_the_topic(history: History, evidence: Evidence) -> Iterator[str]:
    for index, sent in enumerate(history.sent):
        if sent.accepted and not evidence.topic[history.message_id(index)]:
            yield f"{history.message_id(index)} was accepted and is not in the topic"


def refused_is_stored_at_most_once(history: History, evidence: Evidence) -> Iterator[str]:
    for index, sent in enumerate(history.sent):
        if not sent.accepted and len(evidence.by_message.get(index, ())) > 1:
            yield f"{history.message_id(index)} was never accepted and is stored more than once"


def stored_was_sent(history: History, evidence: Evidence) -> Iterator[str]:
    for one in evidence.by_message.get(-1, ()):
        yield f"{one.message_id} is stored and was sent by nobody"


def numbers_are_dense(history: History, evidence: Evidence) -> Iterator[str]:
    numbers: list[list[int]] = [[] for _ in history.conversations]
    for one in evidence.stored:
        numbers[one.conversation].append(one.number)
    for conversation, found in zip(history.conversations, numbers, strict=True):
        found.sort()
        for expected, number in enumerate(found, 1):
            if number != expected:
                yield f"{conversation} has number {number} where {expected} is due, of {len(found)}"
                break


def order_of_senders_holds(history: History, evidence: Evidence) -> Iterator[str]:
    """Who had A accepted before B was sent has A below B; so has who wrote A before B into one batch or socket."""
    of_sender: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for one in evidence.stored:
        if one.message >= 0:
            sent = history.sent[one.message]
            of_sender.setdefault((sent.conversation, sent.sender), []).append((one.number, one.message))
    for found in of_sender.values():
        found.sort()
        yield from _overtaken(history, [message for _, message in found])


def _overtaken(history: History, by_number: list[int]) -> Iterator[str]:
    latest_sent = 0
    written: dict[int, int] = {}
    for message in by_number:
        sent = history.sent[message]
        if sent.accepted and sent.accepted < latest_sent:
            yield f"{history.message_id(message)} was accepted before one was sent that has a lower number"
        latest_sent = max(latest_sent, sent.sent)
        if _at_once(sent):
            if written.get(sent.order, -1) > message:
                yield f"{history.message_id(message)} was written before one of a lower number on the same {sent.way}"
            written[sent.order] = max(message, written.get(sent.order, -1))


def _at_once(sent: Sent) -> bool:
    return sent.way != "http" and sent.attempts == 1 and sent.accepted > 0


def nothing_is_accepted_without_the_broker(history: History, evidence: Evidence) -> Iterator[str]:
    for index, sent in enumerate(history.sent):
        for gone, back in history.broker_away:
            if gone < sent.sent and 0 < sent.accepted < back:
                yield f"{history.message_id(index)} was sent and accepted while the broker was stopped"
