"""The checks: each platform's log against what is stored. They know the contract, and none of our code."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise

from tests.ledger.channels.books import CEILINGS, RANKS, Books, Person, Written
from tests.ledger.channels.evidence import Entry, Evidence, External, Stored, Told
from tests.ledger.verdicts import Verdict, verdict

Check = Callable[[Books, Evidence], Iterator[str]]


def accepted_is_stored_once(books: Books, evidence: Evidence) -> Iterator[str]:
    ids = Counter(s.message_id for s in evidence.stored)
    texts = Counter(s.text for s in evidence.stored if not s.external)
    for one in books.written:
        least = int(one.accepted)
        if not least <= ids[one.message_id] <= 1 or texts[one.text] > 1:
            yield f"{one.text} is stored {max(ids[one.message_id], texts[one.text])} times"


def stored_was_written_or_said(books: Books, evidence: Evidence) -> Iterator[str]:
    written, said = {w.message_id for w in books.written}, evidence.said(books.run)
    for one in evidence.stored:
        if one.message_id not in written and one.external not in said:
            yield f"number {one.number} of {one.conversation_id}: {one.text!r} by {one.sender}"


def numbers_are_dense(books: Books, evidence: Evidence) -> Iterator[str]:
    numbers: dict[str, list[int]] = defaultdict(list)
    for one in evidence.stored:
        numbers[one.conversation_id].append(one.number)
    for conversation, found in numbers.items():
        if sorted(found) != [*range(1, len(found) + 1)]:
            yield f"{conversation} has {sorted(found)}"


def nothing_is_lost_on_the_way_out(books: Books, evidence: Evidence) -> Iterator[str]:
    stored, sent = {s.message_id for s in evidence.stored}, evidence.sent(books.run)
    there = {chat: {entry.text for entry in entries} for chat, entries in sent.items()}
    for one, person in _asked(books):
        if one.message_id in stored and one.text not in there.get((person.channel, person.address), ()):
            yield f"{one.text} is not with {person.username} on {person.channel}"


def nothing_is_there_twice(books: Books, evidence: Evidence) -> Iterator[str]:
    """What is marked uncertain may be, once more."""
    uncertain = {(d.message_id, d.recipient, d.channel) for d in evidence.deliveries if d.is_uncertain}
    sent = evidence.sent(books.run)
    counts = {chat: Counter(entry.text for entry in entries) for chat, entries in sent.items()}
    for one, person in _asked(books):
        count = counts.get((person.channel, person.address), Counter())[one.text]
        most = 2 if (one.message_id, person.username, person.channel) in uncertain else 1
        if count > most:
            yield f"{one.text} is {count} times with {person.username} on {person.channel}"


def nobody_gets_what_is_not_theirs(books: Books, evidence: Evidence) -> Iterator[str]:
    asked = {(p.channel, p.address, w.text) for w, p in _asked(books)}
    for chat, entries in evidence.sent(books.run).items():
        for entry in entries:
            if (*chat, entry.text) not in asked:
                yield f"{entry.text!r} is in chat {chat}"


def chats_are_in_order(books: Books, evidence: Evidence) -> Iterator[str]:
    """By when each came there first."""
    numbers = {s.text: s.number for s in evidence.stored if not s.external}
    for chat, entries in evidence.sent(books.run).items():
        first = list(dict.fromkeys(numbers[entry.text] for entry in entries if entry.text in numbers))
        for before, after in pairwise(first):
            if before > after:
                yield f"in chat {chat} number {before} came before {after}"


def said_is_stored_once(books: Books, evidence: Evidence) -> Iterator[str]:
    """What was taken back need not be: platforms may tell that first."""
    inbound, groups, gone = evidence.inbound(), _conversations(books), evidence.taken_back()
    for external, entry in evidence.said(books.run).items():
        found = [s.conversation_id for s in inbound.get(external, ())]
        if found != [groups.get((entry.channel, entry.chat))] and (found or external not in gone):
            yield f"{entry.text!r} of {entry.chat} on {entry.channel} is stored {len(found)} times: {found}"


def said_is_in_its_order(books: Books, evidence: Evidence) -> Iterator[str]:
    """Of each address: as it was said, where the platform keeps that order; else as webhooks took it."""
    numbers = {external: found[0].number for external, found in evidence.inbound().items()}
    for chat, order in _orders(books, evidence).items():
        for before, after in order:
            if before in numbers and after in numbers and numbers[before] > numbers[after]:
                yield f"in chat {chat} {before[1]} came before {after[1]}, and has a higher number"


def _orders(books: Books, evidence: Evidence) -> dict[tuple[str, str], list[tuple[External, External]]]:
    """Pairs of which the first came before the second for certain."""
    said, by_chat = evidence.said(books.run), defaultdict[tuple[str, str], list[Told | Entry]](list)
    for one in evidence.told:
        if (one.channel, one.external_id) in said:
            by_chat[one.channel, one.chat].append(one)
    for entry in said.values():
        if entry.channel == "telegram":
            by_chat[entry.channel, entry.chat].append(entry)
    return {chat: [*_pairs(events)] for chat, events in by_chat.items()}


def _pairs(events: Sequence[Told | Entry]) -> Iterator[tuple[External, External]]:
    for place, one in enumerate(events):
        for other in events[place + 1 :]:
            a, b = (one.channel, one.external_id), (other.channel, other.external_id)
            if isinstance(one, Entry) or isinstance(other, Entry) or one.taken_at < other.tried_at:
                yield a, b
            elif other.taken_at < one.tried_at:
                yield b, a


def changes_hold(books: Books, evidence: Evidence) -> Iterator[str]:
    """What was edited says the last of it; what was taken back says nothing any more."""
    said = evidence.said(books.run)
    last = said | {(e.channel, e.external_id): e for e in evidence.log if e.what in ("edited", "deleted")}
    inbound = evidence.inbound()
    for external in said:
        for one in inbound.get(external, ()):
            if not _says(one, last[external], books.run):
                there = "taken back" if last[external].what == "deleted" else repr(last[external].text)
                yield f"{external} is {one.text!r}{', unsent' if one.is_unsent else ''}; there it is {there}"


def _says(one: Stored, last: Entry, run: str) -> bool:
    if last.what == "deleted":
        return one.is_unsent and run not in one.text
    return not one.is_unsent and one.text == last.text


def no_status_falls(books: Books, evidence: Evidence) -> Iterator[str]:
    """In the store, in the API, and at the sockets of those who wrote."""
    frames: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for change in books.changes:
        frames[change.message_id, change.recipient, change.channel].append(change.status)
    stored = {(d.message_id, d.recipient, d.channel): d.history for d in evidence.deliveries}
    for where, histories in (("store", stored), ("API", evidence.histories), ("socket", frames)):
        for key, statuses in histories.items():
            if any(RANKS[a] > RANKS[b] for a, b in pairwise(statuses)):
                yield f"{where}: {key} was {' → '.join(statuses)}"


def read_is_true(books: Books, evidence: Evidence) -> Iterator[str]:
    there = {(e.channel, e.chat, e.text) for e in evidence.log if (e.channel, e.external_id) in evidence.read}
    read = {(d.message_id, d.recipient, d.channel) for d in evidence.deliveries if d.status == "READ"}
    for one, person in _asked(books):
        is_read = (one.message_id, person.username, person.channel) in read
        if is_read and (person.channel, person.address, one.text) not in there:
            yield f"{one.text} is READ by {person.username}, who has not read it on {person.channel}"


def all_at_their_ceiling(books: Books, evidence: Evidence) -> Iterator[str]:
    found = {(d.message_id, d.recipient, d.channel): d.status for d in evidence.deliveries}
    stored = {s.message_id for s in evidence.stored}
    for one, person in _asked(books):
        status = found.get((one.message_id, person.username, person.channel), "not there")
        if one.message_id in stored and status != CEILINGS[person.channel]:
            yield f"{one.text} for {person.username} on {person.channel} is {status}"


def the_web_hears_everything(books: Books, evidence: Evidence) -> Iterator[str]:
    """Once, and in order."""
    stored = {(s.conversation_id, s.number): s.message_id for s in evidence.stored}
    for number, group in enumerate(books.groups):
        heard = [(h.number, h.message_id) for h in books.heard if h.group == number]
        there = sorted(
            (n, message) for (conversation, n), message in stored.items() if conversation == group.conversation_id
        )
        if heard != there:
            yield f"{group.web} heard {len(heard)} of {len(there)}, or not in order"


def history_shows_what_is_stored(books: Books, evidence: Evidence) -> Iterator[str]:
    for group in books.groups:
        stored = [s for s in evidence.stored if s.conversation_id == group.conversation_id]
        there = sorted((s.number, s.message_id, s.text) for s in stored)
        shown = [(s.number, s.message_id, s.text) for s in evidence.shown.get(group.conversation_id, ())]
        if shown != there:
            yield f"the history of {group.conversation_id} shows {len(shown)} messages, stored are {len(there)}"


def _asked(books: Books) -> Iterable[tuple[Written, Person]]:
    """Every message with everybody whom it is for."""
    return ((one, person) for one in books.written for person in books.groups[one.group].people)


def _conversations(books: Books) -> dict[tuple[str, str], str]:
    return {(p.channel, p.address): group.conversation_id for group in books.groups for p in group.people}


CHECKS: dict[str, Check] = {
    "accepted is stored once": accepted_is_stored_once,
    "what is stored was written or said": stored_was_written_or_said,
    "numbers are 1 … n": numbers_are_dense,
    "nothing is lost on the way out": nothing_is_lost_on_the_way_out,
    "nothing is there twice, but what is marked uncertain": nothing_is_there_twice,
    "nobody gets what is not theirs": nobody_gets_what_is_not_theirs,
    "chats are in order": chats_are_in_order,
    "what was said is stored once": said_is_stored_once,
    "what was said is in its order": said_is_in_its_order,
    "edits and what was taken back hold": changes_hold,
    "no status falls": no_status_falls,
    "what is READ was read": read_is_true,
    "each delivery is at its channel's ceiling": all_at_their_ceiling,
    "the web hears everything, once and in order": the_web_hears_everything,
    "the history shows what is stored": history_shows_what_is_stored,
}


def check(books: Books, evidence: Evidence) -> list[Verdict]:
    """One verdict per check, in the order of `CHECKS`; a count of 0 is what a correct platform gets."""
    return [verdict(name, one(books, evidence)) for name, one in CHECKS.items()]
