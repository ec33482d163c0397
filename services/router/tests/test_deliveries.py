"""External deliveries: one document each, told once they stand, however often and by whomever they are opened."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from libs.common import kafka, redis
from libs.common.bus import Record
from libs.common.deliveries import read_deliveries, read_external, status_of
from libs.common.errors import Unavailable
from libs.common.events import encode
from libs.common.mongo import Document
from services.router.tests.scene import AT_ONCE, Scene, message, receipt, record

NOBODY = "redis://127.0.0.1:1/0"


def asking(scene: Scene, *channels: str, text: str = "hi") -> Record:
    return record(encode(message(scene.conversation, scene.ana, text, None, *channels)))


async def open_all(scene: Scene) -> None:
    """What a running router does beside its batches."""
    await scene.deliveries().sweep(AT_ONCE)


async def stored(scene: Scene, number: int = 1) -> Document:
    found = await scene.database["messages"].find_one(
        {"conversation_id": scene.conversation, "sequence_number": number}
    )
    assert found
    return found


async def deliveries(scene: Scene, number: int = 1) -> list[Document]:
    return await read_deliveries(scene.database, [(await stored(scene, number))["_id"]])


async def status(scene: Scene) -> str:
    document = await stored(scene)
    return status_of(document, {}, await read_external(scene.database, [document]))


async def told(scene: Scene, username: str) -> list[dict[str, Any]]:
    return [msgspec.json.decode(p.body) for p in await scene.feed(username) if p.kind == "status"]


async def test_a_delivery_on_a_channel_that_is_not_configured_fails_visibly(scene: Scene) -> None:
    scene.addresses = {scene.bo: {"whatsapp": "16505551234"}}
    await scene.messages().handle([asking(scene, "internal", "whatsapp")])
    await open_all(scene)
    (found,) = await deliveries(scene)
    assert (found["recipient"], found["channel"], found["address"]) == (scene.bo, "whatsapp", "16505551234")
    assert (found["status"], found["error"]["code"]) == ("FAILED", "channel_not_configured")
    assert (found["status_ceiling"], found["attempts"]) == ("READ", 0)
    assert [h["status"] for h in found["history"]] == ["FAILED"]
    assert await status(scene) == "SENT"


async def test_a_message_fails_where_every_channel_of_a_recipient_has_failed(scene: Scene) -> None:
    await scene.messages().handle([asking(scene, "whatsapp", "telegram")])
    assert await status(scene) == "SENT"
    await open_all(scene)
    assert [d["channel"] for d in await deliveries(scene)] == ["telegram", "whatsapp"]
    assert await status(scene) == "FAILED"


async def test_receipts_deliver_nothing_that_is_not_internal(scene: Scene) -> None:
    await scene.messages().handle([asking(scene, "whatsapp")])
    await scene.receipts().handle([receipt(scene.conversation, scene.bo, "READ", 1)])
    await open_all(scene)
    assert await status(scene) == "FAILED"


async def test_all_is_resolved_where_the_message_is_stored_and_shown_so_to_everybody(scene: Scene) -> None:
    scene.addresses = {scene.bo: {"telegram": "42"}}
    await scene.connect(scene.bo)
    await scene.messages().handle([asking(scene, "all")])
    scene.addresses = {scene.bo: {"whatsapp": "16505551234"}}
    await open_all(scene)
    assert (await stored(scene))["channels"] == ["internal", "telegram"]
    assert msgspec.json.decode((await scene.feed(scene.bo))[0].body)["channels"] == ["internal", "telegram"]
    assert [(d["channel"], d["address"]) for d in await deliveries(scene)] == [("telegram", "42")]


async def test_a_redelivery_shows_what_was_resolved_and_not_what_would_be_now(scene: Scene) -> None:
    scene.addresses = {scene.bo: {"telegram": "42"}}
    batch = [asking(scene, "all")]
    await scene.messages().handle(batch)
    await open_all(scene)
    scene.addresses = {}
    await scene.connect(scene.bo)
    await scene.messages().handle(batch)
    await open_all(scene)
    assert msgspec.json.decode((await scene.feed(scene.bo))[0].body)["channels"] == ["internal", "telegram"]
    assert len(await deliveries(scene)) == 1


async def test_the_sender_alone_is_told_and_told_what_it_makes_of_the_message(scene: Scene) -> None:
    await scene.connect(scene.ana, scene.bo)
    await scene.messages().handle([asking(scene, "whatsapp")])
    await open_all(scene)
    (said,) = await told(scene, scene.ana)
    document = await stored(scene)
    assert said.pop("at").endswith("Z")
    assert said.pop("error")["code"] == "channel_not_configured"
    assert said == {
        "message_id": document["_id"],
        "conversation_id": scene.conversation,
        "sequence_number": 1,
        "recipient": scene.bo,
        "channel": "whatsapp",
        "status": "FAILED",
        "message_status": "FAILED",
    }
    assert await told(scene, scene.bo) == []


async def test_a_failed_delivery_is_a_fact_under_an_id_of_its_own(scene: Scene) -> None:
    await scene.messages().handle([asking(scene, "internal", "whatsapp")])
    await open_all(scene)
    (_, sent), (event_id, failed) = await scene.facts(2)
    assert event_id == f"{sent.message_id}:{scene.bo}:whatsapp/FAILED"
    assert (failed.status, failed.recipient, failed.channel) == ("FAILED", scene.bo, "whatsapp")
    assert (failed.message_id, failed.sender, failed.to_number) == (sent.message_id, scene.ana, 1)
    assert failed.error
    assert failed.error.code == "channel_not_configured"


async def test_what_is_opened_is_not_opened_again(scene: Scene) -> None:
    await scene.connect(scene.ana)
    await scene.messages().handle([asking(scene, "whatsapp")])
    for _ in range(3):
        await open_all(scene)
    assert len(await told(scene, scene.ana)) == 1


async def test_what_a_router_left_half_done_is_finished_by_another(scene: Scene) -> None:
    await scene.connect(scene.ana)
    await scene.messages().handle([asking(scene, "whatsapp", "telegram")])
    async with redis.connect(NOBODY) as nobody:
        with pytest.raises(Unavailable):
            await open_all(replace(scene, cache=nobody))
    first = await deliveries(scene)
    await open_all(scene)
    assert await deliveries(scene) == first
    assert {said["channel"] for said in await told(scene, scene.ana)} == {"whatsapp", "telegram"}


async def test_what_stands_is_told_as_it_stands(scene: Scene) -> None:
    """A delivery may have risen between a crash and the second try."""
    await scene.connect(scene.ana)
    await scene.messages().handle([asking(scene, "whatsapp")])
    async with kafka.connect("127.0.0.1:1") as nobody:
        with pytest.raises(Unavailable):
            await open_all(replace(scene, producer=nobody))
    (standing,) = await deliveries(scene)
    await scene.database["deliveries"].update_one({"_id": standing["_id"]}, {"$set": {"status": "DELIVERED"}})
    await open_all(scene)
    assert [(s["status"], s["message_status"]) for s in await told(scene, scene.ana)][-1] == ("DELIVERED", "DELIVERED")


async def test_while_addresses_are_not_known_messages_are_stored_and_pushed_all_the_same(scene: Scene) -> None:
    scene.addresses = None
    await scene.connect(scene.bo)
    batch = [asking(scene, "all", text="1"), *scene.texts("2"), asking(scene, "whatsapp", text="3")]
    await scene.messages().handle(batch)
    await open_all(scene)
    assert await scene.stored() == [(1, "1"), (2, "2"), (3, "3")]
    assert [p.sequence_number for p in await scene.feed(scene.bo)] == [1, 2, 3]
    assert [(await stored(scene, n))["channels"] for n in (1, 2, 3)] == [["internal"], ["internal"], ["whatsapp"]]
    assert await deliveries(scene, 3) == []


async def test_what_waited_for_addresses_is_resolved_by_the_first_who_knows(scene: Scene) -> None:
    scene.addresses = None
    await scene.messages().handle([asking(scene, "all"), asking(scene, "all")])
    scene.addresses = {scene.bo: {"telegram": "42"}}
    await open_all(scene)
    for number in (1, 2):
        assert (await stored(scene, number))["channels"] == ["internal", "telegram"]
        assert [d["address"] for d in await deliveries(scene, number)] == ["42"]


async def test_one_that_cannot_be_opened_keeps_no_other_waiting(scene: Scene) -> None:
    await scene.messages().handle([asking(scene, "whatsapp"), asking(scene, "whatsapp")])
    broken = {"targets": [{"recipient": scene.bo, "channel": "fax", "address": None}]}
    await scene.database["messages"].update_one({"_id": (await stored(scene))["_id"]}, {"$set": broken})
    await open_all(scene)
    assert [len(await deliveries(scene, n)) for n in (1, 2)] == [0, 1]


async def test_a_message_to_many_addresses_is_opened_whole(scene: Scene) -> None:
    crowd = [scene.ana, *(f"u{n}" for n in range(255))]
    await scene.database["conversations"].update_one({"_id": scene.conversation}, {"$set": {"members": crowd}})
    await scene.connect(scene.ana)
    await scene.messages().handle([asking(scene, "whatsapp", "telegram", "messenger", "instagram", "internal")])
    await open_all(scene)
    assert len(await deliveries(scene)) == 255 * 4
    assert len(await told(scene, scene.ana)) == 255 * 4
