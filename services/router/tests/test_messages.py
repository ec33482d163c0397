"""However often a record comes and whoever else writes: stored once, numbered 1 … n, fed to every member."""

import msgspec

from libs.common.clock import new_id, now
from libs.common.events import AttachedFile, SentFile, encode
from libs.common.messages import to_document
from services.router.tests.scene import Scene, message, record


async def test_a_batch_is_stored_and_numbered_in_its_order(scene: Scene) -> None:
    await scene.messages().handle(scene.texts("one", "two", "three"))
    assert await scene.stored() == [(1, "one"), (2, "two"), (3, "three")]


async def test_a_batch_that_comes_again_is_stored_once_and_fed_again(scene: Scene) -> None:
    await scene.connect(scene.bo)
    batch = scene.texts("one", "two")
    await scene.messages().handle(batch)
    await scene.messages().handle(batch)
    assert await scene.stored() == [(1, "one"), (2, "two")]
    assert [p.sequence_number for p in await scene.feed(scene.bo)] == [1, 2, 1, 2]


async def test_a_clients_retry_is_neither_stored_nor_fed_again(scene: Scene) -> None:
    await scene.connect(scene.bo)
    event = encode(message(scene.conversation, scene.ana))
    router = scene.messages()
    await router.handle([record(event), record(event)])
    await router.handle([record(event)])
    assert await scene.stored() == [(1, "hi")]
    assert len(await scene.feed(scene.bo)) == 1


async def test_numbers_go_on_after_everything_was_forgotten(scene: Scene) -> None:
    router = scene.messages()
    await router.handle(scene.texts("one"))
    router.forget()
    await router.handle(scene.texts("two"))
    assert await scene.stored() == [(1, "one"), (2, "two")]


async def test_a_router_with_a_stale_memory_is_fenced_and_reads_anew(scene: Scene) -> None:
    zombie, owner = scene.messages(), scene.messages()
    await zombie.handle(scene.texts("one"))
    await owner.handle(scene.texts("two", "three"))
    await zombie.handle(scene.texts("four", "five"))
    assert await scene.stored() == [(1, "one"), (2, "two"), (3, "three"), (4, "four"), (5, "five")]


async def test_two_routers_with_the_same_records_store_them_once(scene: Scene) -> None:
    zombie, owner = scene.messages(), scene.messages()
    batch = scene.texts("one", "two", "three")
    await zombie.handle(batch[:1])
    await owner.handle(batch)
    await zombie.handle(batch[1:])
    assert await scene.stored() == [(1, "one"), (2, "two"), (3, "three")]


async def test_an_insert_that_fails_in_the_middle_leaves_order_and_density(scene: Scene) -> None:
    """Somebody stored number 3 while the batch was on its way."""
    router = scene.messages()
    await router.handle(scene.texts("one"))
    other = message(scene.conversation, scene.bo, "from elsewhere")
    other_document = to_document(other, 3, [scene.ana, scene.bo], now(), "elsewhere/0/0")
    await scene.database["messages"].insert_one(other_document)
    await router.handle(scene.texts("two", "three", "four"))
    assert [text for _, text in await scene.stored() if text != "from elsewhere"] == ["one", "two", "three", "four"]
    assert [number for number, _ in await scene.stored()] == [1, 2, 3, 4, 5]


async def test_every_member_gets_it_the_sender_included_and_nobody_without_a_feed(scene: Scene) -> None:
    await scene.connect(scene.ana)
    await scene.messages().handle(scene.texts("hi"))
    (entry,) = await scene.feed(scene.ana)
    assert (entry.kind, entry.conversation_id, entry.sequence_number) == ("message", scene.conversation, 1)
    assert msgspec.json.decode(entry.body)["to"] == [scene.bo]
    assert await scene.cache.exists(f"feed:{{{scene.bo}}}") == 0


async def test_what_is_no_event_or_of_no_member_is_rejected_alone(scene: Scene) -> None:
    stranger = encode(message(scene.conversation, "eve"))
    nowhere = encode(message("01a1fc8a-d5d2-70f2-bf5c-f4d31a68b380", scene.ana))
    future = encode(message(scene.conversation, scene.ana)).replace(b'"message_id"', b'"version":9,"message_id"')
    bad = [record(value) for value in (b"rubbish", b"{}", b"\xff", stranger, nowhere, future)]
    rejected = await scene.messages().handle([*bad, *scene.texts("fine")])
    reasons = {r.record.offset: r.reason for r in rejected}
    expected = ["malformed", "malformed", "malformed", "not_a_member", "unknown_conversation", "unsupported_version"]
    assert [reasons[b.offset] for b in bad] == expected
    assert await scene.stored() == [(1, "fine")]


async def test_a_taken_id_is_rejected_and_its_sender_is_told(scene: Scene) -> None:
    await scene.connect(scene.bo)
    router = scene.messages()
    mine = message(scene.conversation, scene.ana, "mine")
    await router.handle([record(encode(mine))])
    forged = record(encode(message(scene.conversation, scene.bo, "forged", mine.message_id)))
    rejected = await router.handle([forged])
    assert [(r.reason, r.is_clients_doing) for r in rejected] == [("message_id_conflict", True)]
    assert await scene.stored() == [(1, "mine")]
    told = (await scene.feed(scene.bo))[-1]
    assert told.kind == "error"
    problem = msgspec.json.decode(told.body)["problem"]
    assert (problem["code"], problem["instance"]) == ("message_id_conflict", f"/v1/messages/{mine.message_id}")


async def last_sequence(scene: Scene) -> int:
    conversation = await scene.database["conversations"].find_one({"_id": scene.conversation})
    assert conversation is not None
    number: int = conversation["last_sequence"]
    return number


async def test_activity_of_a_quiet_conversation_is_written_at_once_of_a_busy_one_at_the_checkpoint(
    scene: Scene,
) -> None:
    router = scene.messages()
    seen = []
    for text in ("one", "two", "three"):
        await router.handle(scene.texts(text))
        seen.append(await last_sequence(scene))
        await router.checkpoint()
        seen.append(await last_sequence(scene))
    assert seen == [1, 1, 2, 2, 3, 3]
    for text in ("four", "five", "six"):
        await router.handle(scene.texts(text))
    assert await last_sequence(scene) == 4
    await router.checkpoint()
    assert await last_sequence(scene) == 6
    await router.handle(scene.texts("seven"))
    assert await last_sequence(scene) == 6
    for _ in range(2):
        await router.checkpoint()
    assert await last_sequence(scene) == 7


async def test_activity_only_goes_forward(scene: Scene) -> None:
    late, router = scene.messages(), scene.messages()
    await late.handle([*scene.texts("one"), *scene.texts("two")])
    await late.handle(scene.texts("three"))
    await router.handle(scene.texts("four"))
    await late.checkpoint()
    assert await last_sequence(scene) == 4


async def test_a_file_is_stored_and_pushed_with_what_is_known_of_it(scene: Scene) -> None:
    await scene.connect(scene.bo)
    about = AttachedFile("view.png", 7, "image/png", "0f" * 32)
    picture = SentFile(file_id=new_id(), caption="look", file=about)
    event = msgspec.structs.replace(message(scene.conversation, scene.ana), payload=picture)
    await scene.messages().handle([record(encode(event))])
    document = await scene.database["messages"].find_one({"_id": event.message_id})
    (pushed,) = await scene.feed(scene.bo)
    assert document
    assert document["payload"] == msgspec.json.decode(pushed.body)["payload"] == msgspec.to_builtins(picture)
