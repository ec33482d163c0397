"""Who is the same person: what marks do to names and addresses, and that taking one off leaves nothing behind."""

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from libs.common.identities import (
    PLATFORM,
    Contact,
    Identity,
    Merged,
    Objection,
    People,
    Who,
    kind_of,
    name_of,
    objections,
)

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ALL = [f"telegram:{n}" for n in range(3)] + [f"whatsapp:{n}" for n in range(3)]
NAMES = st.sampled_from(ALL)


def contact(name: str, *also: str, into: str = "", by: str = "op") -> Contact:
    channel, _, value = name.partition(":")
    identities = tuple(Identity(channel, kind_of(channel, v), v, NOON) for v in (value, *also))
    return Contact(name, identities, value, "Tea", NOON, Merged(into, by, NOON) if into else None)


def nobody(_: str, __: str) -> str | None:
    return None


def ana(channel: str, address: str) -> str | None:
    return "ana" if (channel, address) == ("whatsapp", "43") else None


TEA = contact("telegram:42")
PHONE = contact("whatsapp:43", "US.1", into="telegram:42")


def test_somebody_nobody_has_seen_is_known_by_their_address() -> None:
    assert People().who("telegram", "42", nobody) == Who(("telegram:42",), "telegram:42")
    assert People().addresses("telegram:42") == {}


def test_all_identities_of_an_account_are_one_contact() -> None:
    people = People([contact("whatsapp:43", "US.1")])
    assert people.who("whatsapp", "US.1", nobody) == Who(("whatsapp:43", "whatsapp:US.1"), "whatsapp:43")


def test_who_is_merged_speaks_as_themselves_first_and_begins_as_whom_they_are() -> None:
    who = People([TEA, PHONE]).who("whatsapp", "US.1", nobody)
    assert (who.names, who.begins) == (("whatsapp:43", "whatsapp:US.1", "telegram:42"), "telegram:42")


def test_a_person_is_reached_on_each_channel_at_which_they_are_somebody() -> None:
    people = People([TEA, replace(PHONE, current="US.1"), contact("telegram:99", into="telegram:42")])
    assert people.addresses("telegram:42") == {"telegram": "42", "whatsapp": "US.1"}
    assert people.addresses("telegram:99") == {"telegram": "99", "whatsapp": "US.1"}


def test_what_a_user_has_mapped_is_theirs_with_all_of_the_account_and_nothing_that_was_merged() -> None:
    people = People([TEA, PHONE])
    assert people.who("whatsapp", "US.1", ana) == Who(("ana",), "ana")
    assert people.who("telegram", "42", ana).begins == "telegram:42"
    one_account = People([contact("whatsapp:US.1", into="whatsapp:43", by=PLATFORM), contact("whatsapp:43")])
    assert one_account.who("whatsapp", "US.1", ana) == Who(("ana",), "ana")


def codes(found: list[Objection]) -> list[tuple[str, bool]]:
    return [(one.code, one.is_blocking) for one in found]


def test_what_speaks_against_merging() -> None:
    phone, other = replace(PHONE, merged=None), contact("telegram:99")
    assert codes(objections(TEA, phone, People([TEA, phone]), nobody, [])) == []
    assert codes(objections(TEA, phone, People([TEA, phone]), ana, [])) == [("is_users", True)]
    assert codes(objections(TEA, PHONE, People([TEA, PHONE]), nobody, [])) == [("same", True)]
    merged = codes(objections(other, PHONE, People([TEA, PHONE, other]), nobody, []))
    assert merged == [("is_merged", True), ("same_channel", False)]
    shared = codes(objections(TEA, other, People([TEA, other]), nobody, ["c1"]))
    assert shared == [("same_channel", False), ("same_conversation", False)]


def merged_by(marks: dict[str, str]) -> People:
    return People(contact(name, into=marks.get(name, "")) for name in ALL)


def seen(people: People) -> object:
    """All that anybody can tell of who is who."""
    return [(who(people, name), people.addresses(name)) for name in ALL]


def who(people: People, name: str) -> Who:
    channel, _, value = name.partition(":")
    return people.who(channel, value, nobody)


MARKS = st.dictionaries(NAMES, NAMES, max_size=8)


@given(MARKS, NAMES, NAMES)
def test_unmerging_what_was_merged_leaves_everything_as_it_was(marks: dict[str, str], into: str, other: str) -> None:
    before = merged_by(marks)
    if other in marks or before.root(into) == before.root(other):
        return
    after = merged_by({**marks, other: into})
    assert after.root(other) == after.root(into)
    assert seen(merged_by({k: v for k, v in {**marks, other: into}.items() if k != other})) == seen(before)


@given(MARKS)
def test_whatever_marks_there_are_everybody_is_one_person_and_finds_all_of_it(marks: dict[str, str]) -> None:
    people = merged_by(marks)
    for name, into in marks.items():
        assert people.root(name) == people.root(into)
    for name in ALL:
        group = {one.name for one in people.group(name)}
        assert group == {other for other in ALL if people.root(other) == people.root(name)}
        assert people.root(people.root(name)) == people.root(name)
        assert {*who(people, name).names} == group
        channel, _, value = name.partition(":")
        assert people.addresses(name)[channel] == value
        assert name_of(channel, value) == who(people, name).names[0]
