"""One request brings many things: each in the order of its address, and none spoils another."""

import hashlib
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.meta import split
from connectors.sdk import Unreadable, Update


class Things(msgspec.Struct):
    of: str
    said: list[str]


def things(entry: bytes) -> Iterator[Update]:
    found = msgspec.json.decode(entry, type=Things)
    yield from (Update(found.of, said, said.encode()) for said in found.said)


def envelope(*entries: object, of: str = "page") -> bytes:
    return msgspec.json.encode({"object": of, "entry": entries})


@given(st.lists(st.tuples(st.sampled_from("abc"), st.lists(st.text(max_size=3)))))
def test_what_is_said_at_one_address_stays_in_order(said: list[tuple[str, list[str]]]) -> None:
    updates = split(envelope(*[{"of": of, "said": words} for of, words in said]), "page", things)
    for address in "abc":
        expected = [word for of, words in said if of == address for word in words]
        assert [update.provider_id for update in updates if update.address == address] == expected


def test_an_entry_that_cannot_be_read_is_kept_whole_between_the_others() -> None:
    updates = split(envelope({"of": "a", "said": ["1"]}, {"of": 7}, {"of": "b", "said": ["2"]}), "page", things)
    strange = b'{"of":7}'
    assert [(update.address, update.body) for update in updates] == [("a", b"1"), ("", strange), ("b", b"2")]
    assert updates[1].provider_id == f"sha256:{hashlib.sha256(strange).hexdigest()}"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"object":"page"}', b'{"entry":[]}', b'{"object":"page","entry":7}', envelope(of="user")],
)
def test_what_is_no_envelope_of_this_channel_cannot_be_read(body: bytes) -> None:
    with pytest.raises(Unreadable):
        split(body, "page", things)


def test_an_envelope_with_nothing_in_it_says_nothing() -> None:
    assert split(envelope(), "page", things) == []
