"""A batch while a dependency is away: what can be accepted is, and the rest may be sent again."""

from collections.abc import Sequence

import msgspec
import pytest

from conftest import Stack
from libs.common import mongo
from libs.common.accept import Accepted, Acceptor, BatchAcceptor
from libs.common.bus import Outgoing
from libs.common.clock import new_id
from libs.common.conversations import Members
from libs.common.errors import Unavailable
from libs.common.files import Files
from libs.common.mongo import Database


async def publish(*_: object) -> None: ...


async def publish_each(records: Sequence[Outgoing]) -> list[Unavailable | None]:
    return [None] * len(records)


def message(conversation_id: str) -> msgspec.Raw:
    body = {"conversation_id": conversation_id, "payload": {"type": "text", "text": "hi"}}
    return msgspec.Raw(msgspec.json.encode(body))


async def test_without_mongodb_messages_of_known_conversations_are_accepted(stack: Stack, database: Database) -> None:
    known, unknown = new_id(), new_id()
    await database["conversations"].insert_one({"_id": known, "members": ["ana", "bo"]})
    async with mongo.connect(stack.mongo, database.name) as leaving:
        members = Members(leaving)
        await members.of(known)
        files = Files(leaving)
    batch = BatchAcceptor(Acceptor(members, files, publish, "test"), members, publish_each)
    outcomes = await batch.accept_messages("ana", [message(unknown), message(known)])
    assert [type(o) for o in outcomes] == [Unavailable, Accepted]
    with pytest.raises(Unavailable):
        await batch.accept_messages("ana", [message(unknown)])
