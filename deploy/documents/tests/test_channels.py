"""The page of channels leaves out no fact and no word."""

from typing import get_args

from msgspec.structs import fields

from connectors.capabilities import EVERY_CHANNEL, Channel
from connectors.capabilities.adapt import Word
from deploy.documents import channels


def test_every_fact_of_the_registry_has_a_place() -> None:
    in_the_table = {path for path, _ in channels.ROWS.values()}
    beside_it = {"title", "address", "notes", "unconfirmed", "sources"}
    assert in_the_table | beside_it == {field.name for field in fields(Channel)}


def test_every_word_for_what_was_changed_is_explained() -> None:
    assert set(channels.WORDS) == set(get_args(Word))


def test_what_nobody_has_confirmed_is_marked() -> None:
    some = {name: EVERY_CHANNEL[name] for name in ("telegram", "messenger")}
    assert "| edit what we sent | yes | no ? |" in channels.page(some).splitlines()
