"""Who may use a file: who uploaded it, and members of conversations to which a stored message brought it."""

import pytest

from conftest import Stack
from libs.common import mongo
from libs.common.clock import new_id
from libs.common.errors import Unavailable
from libs.common.files import Files, attached
from libs.common.mongo import Database, Document
from libs.common.tests.uploaded import SHOWN, opened, sent, uploaded


async def test_a_file_is_its_uploaders_whatever_its_status(database: Database) -> None:
    mine = [await uploaded(database, "ana", status) for status in ("uploading", "completed", "failed")]
    assert (await Files(database).visible_to("ana", [*mine, new_id()])).keys() == {*mine}
    assert await Files(database).visible_to("bo", mine) == {}


async def test_a_message_shows_it_to_the_members_of_its_conversation_and_to_nobody_else(database: Database) -> None:
    file_id = await uploaded(database, "ana")
    await sent(database, file_id, await opened(database, "ana", "bo"))
    await opened(database, "bo", "cy")
    seen = {name: await Files(database).visible_to(name, [file_id]) for name in ("ana", "bo", "cy")}
    assert {name: [*found] for name, found in seen.items()} == {"ana": [file_id], "bo": [file_id], "cy": []}


async def test_one_file_that_was_sent_shows_no_other(database: Database) -> None:
    shown, hidden = await uploaded(database, "ana"), await uploaded(database, "ana")
    await sent(database, shown, await opened(database, "ana", "bo"))
    await sent(database, hidden, await opened(database, "ana", "cy"))
    assert (await Files(database).visible_to("bo", [shown, hidden])).keys() == {shown}


@pytest.mark.parametrize("bound", [1, 2, 3, 5, 1000])
async def test_a_file_that_is_everywhere_is_still_shown_to_members_alone(database: Database, bound: int) -> None:
    """However little one query reads: of what was sent often the first places alone are not the answer."""
    everywhere, once = await uploaded(database, "ana"), await uploaded(database, "ana")
    theirs = [await opened(database, "bo", f"friend-{n}") for n in range(4)]
    for number, place in enumerate([await opened(database, "ana", f"other-{n}") for n in range(4)] + theirs[2:], 1):
        await sent(database, everywhere, place, number)
    await sent(database, once, theirs[0])
    files = Files(database, bound)
    assert (await files.visible_to("bo", [everywhere, once])).keys() == {everywhere, once}
    assert await files.visible_to("zoe", [everywhere, once]) == {}
    assert (await files.visible_to("friend-3", [everywhere, once])).keys() == {everywhere}


async def test_what_an_index_answers_reads_no_message(database: Database) -> None:
    """Messages may be many: who sees a file is asked of the index alone, and of its distinct keys."""
    places = [await opened(database, "ana", f"other-{n}") for n in range(3)]
    file_id = await uploaded(database, "ana")
    for number in range(1, 40):
        await sent(database, file_id, places[number % 3], number)
    await database.command({"profile": 2, "filter": {"ns": f"{database.name}.messages"}})
    await Files(database, bound=5).visible_to("bo", [file_id])
    await database.command({"profile": 0, "filter": "unset"})
    seen: list[Document] = await database["system.profile"].find({"ns": f"{database.name}.messages"}).to_list()
    assert {plan.get("docsExamined") for plan in seen} == {0}
    assert max(plan["keysExamined"] for plan in seen) <= 6


async def test_a_deleted_file_is_gone_at_once(database: Database) -> None:
    file_id, files = await uploaded(database, "ana"), Files(database)
    assert await files.visible_to("ana", [file_id])
    await database["files"].update_one({"_id": file_id}, {"$set": {"status": "deleted"}})
    assert await files.visible_to("ana", [file_id]) == {}
    await database["files"].delete_one({"_id": file_id})
    assert await files.visible_to("ana", [file_id]) == {}


async def test_only_the_same_message_is_stored_already(database: Database) -> None:
    for number, message_id in enumerate(("same", "other"), 1):
        document = {"_id": message_id, "conversation_id": "c", "sequence_number": number, "fingerprint": "f"}
        await database["messages"].insert_one(document)
    assert await Files(database).are_stored({"same": "f", "other": "g", "none": "f"}) == {"same"}


async def test_without_mongodb_nothing_is_known(stack: Stack, database: Database) -> None:
    async with mongo.connect(stack.mongo, database.name) as leaving:
        files = Files(leaving)
    with pytest.raises(Unavailable):
        await files.visible_to("ana", [new_id()])


def test_what_a_message_shows_of_a_file() -> None:
    shown = attached({"_id": "f", "owner": "ana", **SHOWN})
    assert (shown.filename, shown.size, shown.content_type, shown.sha256) == tuple(SHOWN.values())
