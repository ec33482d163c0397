"""What the router tells others after it is stored: all of it, in order, and again rather than never."""

from libs.common.bus import Record
from libs.common.events import encode
from services.router.tests.scene import Scene, message, receipt


async def test_each_stored_message_is_a_fact_in_the_order_of_its_conversation(scene: Scene) -> None:
    batch = scene.texts("one", "two", "three")
    await scene.messages().handle(batch)
    facts = await scene.facts(3)
    assert [(f.status, f.from_number, f.to_number, f.sender) for _, f in facts] == [
        ("SENT", n, n, scene.ana) for n in (1, 2, 3)
    ]
    assert [event_id for event_id, _ in facts] == [f"{f.message_id}/SENT" for _, f in facts]


async def test_a_moved_watermark_is_a_fact_from_the_first_to_the_last_new_number(scene: Scene) -> None:
    await scene.messages().handle(scene.texts("one", "two", "three"))
    router = scene.receipts()
    for status in ("DELIVERED", "READ"):
        await router.handle([receipt(scene.conversation, scene.bo, status, 2)])
    await router.handle([receipt(scene.conversation, scene.bo, "DELIVERED", 3)])
    said = [(f.status, f.from_number, f.to_number) for _, f in (await scene.facts(6))[3:]]
    assert said == [("DELIVERED", 1, 2), ("READ", 1, 2), ("DELIVERED", 3, 3)]


async def test_facts_are_told_again_under_the_same_id_after_a_crash(scene: Scene) -> None:
    batch = scene.texts("one", "two")
    await scene.messages().handle(batch)
    await scene.messages().handle(batch)
    ids = [event_id for event_id, _ in await scene.facts(4)]
    assert ids[:2] == ids[2:]


async def test_receipts_are_told_again_under_the_same_id_after_a_crash(scene: Scene) -> None:
    await scene.messages().handle(scene.texts("one", "two", "three"))
    batch = [receipt(scene.conversation, who, "READ", n) for n in (1, 3) for who in (scene.ana, scene.bo)]
    await scene.receipts().handle(batch)
    await scene.receipts().handle(batch)
    facts = (await scene.facts(7))[3:]
    assert sorted(event_id for event_id, _ in facts[:2]) == sorted(event_id for event_id, _ in facts[2:])
    assert {f.username for _, f in facts[2:]} == {scene.ana, scene.bo}


async def test_the_trace_of_a_message_goes_on_in_its_fact(scene: Scene) -> None:
    trace = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    value = encode(message(scene.conversation, scene.ana))
    await scene.messages().handle([Record("message.events", 0, 7, None, value, {"traceparent": trace})])
    headers = await scene.fact_headers()
    assert headers["traceparent"][:36] == trace[:36]
    assert headers["traceparent"] != trace
    assert headers["ce_type"] == b"parley.status.changed.v1"
