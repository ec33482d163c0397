"""What a device gets from MongoDB: everything above what it has, page by page, in each conversation's order."""

from collections.abc import Mapping
from uuid import uuid4

from libs.common.clock import new_id, now, rfc3339
from libs.common.events import MessageEvent, Text
from libs.common.feed import FeedWriter
from libs.common.messages import to_document
from libs.common.mongo import Database, Document
from services.presence.store.inbox import CONVERSATIONS, PAGE, Inbox
from services.presence.tests.scene import Scene


def document(conversation_id: str, number: int) -> Document:
    event = MessageEvent(
        message_id=new_id(),
        conversation_id=conversation_id,
        sender="ana",
        channels=["internal"],
        payload=Text(text=f"text {number}"),
        fingerprint="",
        accepted_at=rfc3339(now()),
    )
    return to_document(event, number, ["ana", "bo"], now(), event.message_id)


async def converse(database: Database, lengths: list[int], *, member: str = "bo") -> list[str]:
    """Conversations of ana with somebody, with so many messages each; their ids in order."""
    ids = sorted(str(uuid4()) for _ in lengths)
    await database["conversations"].insert_many([{"_id": c, "members": ["ana", member]} for c in ids])
    documents = [document(c, n) for c, length in zip(ids, lengths, strict=True) for n in range(1, length + 1)]
    if documents:
        await database["messages"].insert_many(documents)
    return ids


async def take(database: Database, have: Mapping[str, int]) -> tuple[dict[str, list[int]], list[int]]:
    """Everything above what one has, as a connection takes it; and how long the pages were."""
    got: dict[str, list[int]] = {}
    pages: list[int] = []
    async for page in Inbox(database).after("bo", lambda c: got[c][-1] if c in got else have.get(c, 0)):
        pages.append(len(page))
        for message in page:
            got.setdefault(message.conversation_id, []).append(message.sequence_number)
    return got, pages


async def test_pages_go_on_above_the_bound_of_each_conversation(database: Database) -> None:
    a, b, c, d = await converse(database, [PAGE + 50, 30, 2 * PAGE, 5])
    got, pages = await take(database, {a: 10, c: 399, d: 5})
    assert got == {a: list(range(11, PAGE + 51)), b: list(range(1, 31)), c: [400]}
    assert max(pages) <= PAGE
    assert len(pages) > 1


async def test_nothing_is_left_out_where_conversations_are_more_than_one_query_takes(database: Database) -> None:
    ids = await converse(database, [2] * (2 * CONVERSATIONS + 1))
    got, _ = await take(database, {})
    assert got == {c: [1, 2] for c in ids}


async def test_conversations_of_others_are_not_read(database: Database) -> None:
    await converse(database, [3], member="cleo")
    mine = await converse(database, [1])
    assert await take(database, {}) == ({mine[0]: [1]}, [1])


async def test_somebody_without_conversations_has_nothing_pending(database: Database) -> None:
    assert await take(database, {}) == ({}, [])
    assert await Inbox(database).floors("bo") == {}


async def test_a_page_tells_how_far_each_message_has_got(database: Database) -> None:
    (conversation,) = await converse(database, [3])
    await _log(database, conversation, "bo", "DELIVERED", 2)
    await _log(database, conversation, "bo", "READ", 1)
    page = await anext(Inbox(database).after("bo", lambda _: 0))
    assert [m.status for m in page] == ["READ", "DELIVERED", "SENT"]


async def test_a_floor_is_what_the_user_acknowledged_whoever_summed_it_up(database: Database) -> None:
    summed, logged, both, none = await converse(database, [9, 9, 9, 9])
    for conversation in (summed, both):
        await database["watermarks"].insert_one({"_id": f"{conversation}:bo", "delivered": 4, "read": 1})
    for conversation in (logged, both):
        await _log(database, conversation, "bo", "DELIVERED", 6)
    await _log(database, none, "ana", "DELIVERED", 9)
    assert await Inbox(database).floors("bo") == {summed: 4, logged: 6, both: 6, none: 0}


async def test_a_feed_is_read_on_from_an_offset_page_by_page(scene: Scene) -> None:
    feed = await scene.feeds.open(scene.bo)
    entries = [await scene.store()] * (PAGE + 3)
    await FeedWriter(scene.cache).append(entries)
    epoch, page = await scene.feeds.read(scene.bo, 2)
    _, rest = await scene.feeds.read(scene.bo, page[-1].offset)
    assert epoch == feed.epoch
    assert [e.offset for e in page + rest] == list(range(3, PAGE + 4))
    assert await scene.feeds.read(scene.bo, PAGE + 3) == (epoch, [])


async def test_a_feed_that_nobody_opened_has_no_epoch_and_takes_nothing(scene: Scene) -> None:
    await scene.send(2)
    assert await scene.feeds.read(scene.bo, 0) == (None, [])


async def _log(database: Database, conversation_id: str, username: str, status: str, number: int) -> None:
    receipt = {"conversation_id": conversation_id, "username": username, "status": status}
    await database["receipts"].insert_one(receipt | {"from_number": number, "to_number": number, "at": now()})
