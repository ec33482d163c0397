"""Acceptance of messages that bring a file: what is published, and what holds when processes or MongoDB go away."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from conftest import Stack
from libs.common import events, mongo
from libs.common.accept import Accepted, Acceptor, BatchAcceptor, Body, parse_body
from libs.common.bus import Outgoing
from libs.common.clock import new_id, now
from libs.common.conversations import Members
from libs.common.errors import Problem, Unavailable
from libs.common.events import AttachedFile, MessageEvent, SentFile, Text
from libs.common.files import Files
from libs.common.messages import to_document
from libs.common.mongo import Database
from libs.common.tests.uploaded import SHOWN, opened, uploaded

ABOUT = AttachedFile(**SHOWN)


class Log:
    """Stands where Kafka stands, and remembers in which order things came."""

    def __init__(self) -> None:
        self.events: list[MessageEvent] = []

    async def publish(self, topic: str, key: str, value: bytes, headers: object) -> None:
        self.events.append(events.decode(MessageEvent, value))

    async def publish_each(self, records: Sequence[Outgoing]) -> list[Unavailable | None]:
        for record in records:
            await self.publish(*record)
        return [None] * len(records)


def acceptor(database: Database, log: Log) -> Acceptor:
    """A process that has just started."""
    return Acceptor(Members(database), Files(database), log.publish, "test")


def body(conversation_id: str, payload: dict[str, Any], message_id: str | None = None) -> Body:
    return parse_body(raw(conversation_id, payload, message_id))


def raw(conversation_id: str, payload: dict[str, Any], message_id: str | None = None) -> msgspec.Raw:
    said = {"conversation_id": conversation_id, "payload": payload, "message_id": message_id}
    return msgspec.Raw(msgspec.json.encode(said))


def file(file_id: str, **more: object) -> dict[str, Any]:
    return {"type": "file", "file_id": file_id, **more}


async def store(database: Database, event: MessageEvent, number: int = 1) -> None:
    """What the router does."""
    await database["messages"].insert_one(to_document(event, number, ["ana", "bo"], now(), f"t/0/{number}"))


async def test_the_event_brings_what_is_known_of_the_file(database: Database) -> None:
    conversation_id, log = await opened(database, "ana", "bo"), Log()
    file_id = await uploaded(database, "ana")
    said = file(file_id.upper(), caption="look", file={"filename": "believe me"})
    await acceptor(database, log).accept_message("ana", body(conversation_id, said))
    assert [e.payload for e in log.events] == [SentFile(file_id=file_id, caption="look", file=ABOUT)]


async def test_what_a_file_is_makes_no_other_message_of_the_same_words(database: Database) -> None:
    """The fingerprint is of what was said: processes that looked at different times agree."""
    conversation_id, log = await opened(database, "ana", "bo"), Log()
    file_id = await uploaded(database, "ana")
    for content_type in ("image/png", "image/jpeg"):
        await database["files"].update_one({"_id": file_id}, {"$set": {"content_type": content_type}})
        await acceptor(database, log).accept_message("ana", body(conversation_id, file(file_id)))
    assert len({e.fingerprint for e in log.events}) == 1
    assert len({e.payload for e in log.events}) == 2


async def test_a_stored_message_is_accepted_again_by_a_process_that_never_saw_it(database: Database) -> None:
    conversation_id, message_id, log = await opened(database, "ana", "bo"), new_id(), Log()
    file_id = await uploaded(database, "ana")
    said = body(conversation_id, file(file_id), message_id)
    await acceptor(database, log).accept_message("ana", said)
    await store(database, log.events[0])
    await database["files"].delete_one({"_id": file_id})
    assert (await acceptor(database, log).accept_message("ana", said)).message_id == message_id
    assert len(log.events) == 1
    for other in (body(conversation_id, file(file_id)), body(conversation_id, file(file_id, caption="x"), message_id)):
        with pytest.raises(Problem) as refused:
            await acceptor(database, log).accept_message("ana", other)
        assert (refused.value.status, refused.value.errors[0].pointer) == (404, "/payload/file_id")


async def test_the_id_of_anothers_message_opens_nothing(database: Database) -> None:
    conversation_id, message_id, log = await opened(database, "ana", "bo"), new_id(), Log()
    file_id = await uploaded(database, "ana")
    await acceptor(database, log).accept_message("ana", body(conversation_id, file(file_id), message_id))
    await store(database, log.events[0])
    await database["files"].delete_one({"_id": file_id})
    with pytest.raises(Problem, match="no such file"):
        await acceptor(database, log).accept_message("bo", body(conversation_id, file(file_id), message_id))


async def test_in_a_batch_a_retry_stands_beside_what_is_new(database: Database) -> None:
    conversation_id, first, log = await opened(database, "ana", "bo"), new_id(), Log()
    gone, here = await uploaded(database, "ana"), await uploaded(database, "ana")
    await acceptor(database, log).accept_message("ana", body(conversation_id, file(gone), first))
    await store(database, log.events[0])
    await database["files"].delete_one({"_id": gone})
    batch = BatchAcceptor(acceptor(database, log), Members(database), log.publish_each)
    messages = [
        raw(conversation_id, file(gone), first),
        raw(conversation_id, file(gone)),
        raw(conversation_id, file(here)),
    ]
    outcomes = await batch.accept_messages("ana", messages)
    assert [type(o) for o in outcomes] == [Accepted, Problem, Accepted]
    assert len(log.events) == 2


async def test_the_same_id_twice_with_different_files_is_one_message_and_a_conflict(database: Database) -> None:
    conversation_id, message_id, log = await opened(database, "ana", "bo"), new_id(), Log()
    files = [await uploaded(database, "ana"), await uploaded(database, "ana")]
    batch = BatchAcceptor(acceptor(database, log), Members(database), log.publish_each)
    first, second = await batch.accept_messages("ana", [raw(conversation_id, file(f), message_id) for f in files])
    assert isinstance(first, Accepted)
    assert isinstance(second, Problem)
    assert second.code == "message_id_conflict"
    assert [e.payload.file_id for e in log.events if isinstance(e.payload, SentFile)] == files[:1]


async def test_without_mongodb_only_what_brings_a_new_file_is_put_off(stack: Stack, database: Database) -> None:
    conversation_id, message_id, log = await opened(database, "ana", "bo"), new_id(), Log()
    file_id = await uploaded(database, "ana")
    async with mongo.connect(stack.mongo, database.name) as leaving:
        members = Members(leaving)
        process = Acceptor(members, Files(leaving), log.publish, "test")
        await process.accept_message("ana", body(conversation_id, file(file_id), message_id))
    batch = BatchAcceptor(process, members, log.publish_each)
    text = {"type": "text", "text": "hi"}
    messages = [raw(conversation_id, said) for said in (text, file(file_id), file(new_id()))]
    outcomes = await batch.accept_messages("ana", [*messages, raw(conversation_id, file(file_id), message_id)])
    assert [type(o) for o in outcomes] == [Accepted, Unavailable, Unavailable, Accepted]
    assert [e.payload for e in log.events[1:]] == [Text(text="hi")]
    with pytest.raises(Unavailable):
        await process.accept_message("ana", body(conversation_id, file(file_id)))
    with pytest.raises(Unavailable):
        await batch.accept_messages("ana", messages[1:])
    again = await process.accept_message("ana", body(conversation_id, file(file_id), message_id))
    assert again.message_id == message_id


async def test_what_is_prepared_in_order_is_published_in_order(database: Database) -> None:
    """As a socket does it: a file is looked up before the text behind it begins."""
    conversation_id, log = await opened(database, "ana", "bo"), Log()
    process, file_id = acceptor(database, log), await uploaded(database, "ana")
    async with asyncio.TaskGroup() as tasks:
        for said in (file(file_id), {"type": "text", "text": "hi"}, file(file_id)):
            prepared = await process.prepare("ana", body(conversation_id, said))
            tasks.create_task(process.publish_message(prepared))
    assert [type(e.payload) for e in log.events] == [SentFile, Text, SentFile]
