"""Who may ask about whom, and who is told of a change."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.common import mongo
from libs.common.errors import Problem
from services.presence.domain.presence import MOST, parse_names
from services.presence.store.people import CONVERSATIONS, PEOPLE, People

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def conversation(age: int, *members: str) -> dict[str, Any]:
    at = BEGIN - timedelta(hours=age)
    return {"_id": f"{age}-{'-'.join(members)[:40]}", "members": sorted(members), "last_activity": at}


async def test_only_who_shares_a_conversation_is_known(database: mongo.Database) -> None:
    await database["conversations"].insert_many(
        [conversation(1, "ana", "bo"), conversation(2, "ana", "bo", "cy"), conversation(3, "bo", "dee")]
    )
    people = People(database)
    assert await people.known_to("ana", ["dee", "cy", "nobody", "bo", "ana"]) == ["cy", "bo", "ana"]
    assert await people.known_to("nobody", ["ana", "nobody"]) == ["nobody"]


@pytest.mark.parametrize("name", ["$members", "$$ROOT", "$$nothing", "$", "a.b", "a\0b", "ü🐦"])
async def test_a_name_is_never_more_than_a_name(database: mongo.Database, name: str) -> None:
    await database["conversations"].insert_one(conversation(1, "ana", "bo"))
    assert await People(database).known_to("ana", [name, "bo"]) == ["bo"]


async def test_those_near_are_the_others_of_the_newest_conversations(database: mongo.Database) -> None:
    await database["conversations"].insert_many(
        [conversation(n, "ana", f"friend-{n}") for n in range(CONVERSATIONS + 5)]
    )
    near = await People(database).near("ana")
    assert near == [f"friend-{n}" for n in range(CONVERSATIONS)]


async def test_they_are_bounded_however_large_the_groups_are(database: mongo.Database) -> None:
    await database["conversations"].insert_many(
        [conversation(g, "ana", *(f"u-{g}-{n}" for n in range(255))) for g in range(6)]
    )
    assert len(await People(database).near("ana")) == PEOPLE


def test_each_name_counts_once_in_the_order_asked() -> None:
    assert parse_names("bo, ana,,bo ,cy") == ["bo", "ana", "cy"]


@pytest.mark.parametrize("asked", ["", " ", ",,", ",".join(f"u{n}" for n in range(MOST + 1))])
def test_no_names_and_too_many_are_refused(asked: str) -> None:
    with pytest.raises(Problem) as refusal:
        parse_names(asked)
    assert (refusal.value.status, refusal.value.code) == (422, "invalid_field")
