"""Messages that bring a file: who may send which, what is shown of it, and what a retry gets when it is gone."""

import httpx
import pytest

from libs.common.clock import new_id
from libs.common.tests.uploaded import SHOWN, uploaded
from services.frontend.tests.conftest import Caller, Json, Scene


def file(file_id: str, **more: object) -> Json:
    return {"type": "file", "file_id": file_id, **more}


async def send(caller: Caller, conversation_id: str, payload: Json, message_id: str | None = None) -> httpx.Response:
    body = {"conversation_id": conversation_id, "payload": payload, "message_id": message_id}
    return await caller.post("/v1/messages", body)


async def batch(caller: Caller, conversation_id: str, *payloads: Json) -> list[Json]:
    messages = [{"conversation_id": conversation_id, "payload": payload} for payload in payloads]
    answer = await caller.post("/v1/messages/batch", {"messages": messages})
    assert answer.status_code == 202, answer.text
    items: list[Json] = answer.json()["items"]
    return items


def said(problem: Json) -> tuple[int, str, str]:
    return problem["status"], problem["code"], problem["errors"][0]["pointer"]


async def test_a_file_is_shown_with_the_message_wherever_it_is_read(scene: Scene, ana: Caller, bo: Caller) -> None:
    conversation_id = await ana.open(scene.name("bo"))
    file_id = await uploaded(scene.database, scene.name("ana"))
    claimed = {"filename": "harmless.txt", "size": 1, "sha256": 7}
    answer = await send(ana, conversation_id, file(file_id.upper(), caption="look", file=claimed))
    await scene.store()
    assert answer.status_code == 202, answer.text
    message_id = answer.json()["message_id"]
    history = (await bo.get(f"/v1/conversations/{conversation_id}/messages")).json()["items"]
    message = (await bo.get(f"/v1/messages/{message_id}")).json()
    listed = (await bo.get("/v1/conversations")).json()["items"][0]["last_message"]
    assert message["payload"] == {"type": "file", "file_id": file_id, "caption": "look", "file": SHOWN}
    assert [message, message] == [history[0], listed]
    status = (await ana.get(f"/v1/messages/{message_id}/status")).json()
    assert (status["status"], [d["recipient"] for d in status["deliveries"]]) == ("SENT", [scene.name("bo")])


async def test_without_a_caption_none_is_shown(scene: Scene, ana: Caller, bo: Caller) -> None:
    file_id = await uploaded(scene.database, scene.name("ana"))
    answer = await send(ana, await ana.open(scene.name("bo")), file(file_id, caption=None))
    await scene.store()
    shown = (await bo.get(f"/v1/messages/{answer.json()['message_id']}")).json()["payload"]
    assert shown == {"type": "file", "file_id": file_id, "file": SHOWN}


async def test_a_file_of_others_is_not_there(scene: Scene, ana: Caller, bo: Caller) -> None:
    conversation_id = await ana.open(scene.name("bo"))
    for file_id in (await uploaded(scene.database, scene.name("bo")), new_id()):
        answer = await send(ana, conversation_id, file(file_id))
        assert (answer.status_code, said(answer.json())) == (404, (404, "not_found", "/payload/file_id"))
    assert scene.outbox.records == []


@pytest.mark.parametrize("status", ["uploading", "verifying", "scanning", "failed", "quarantined"])
async def test_ones_own_file_must_be_completed(scene: Scene, ana: Caller, bo: Caller, status: str) -> None:
    file_id = await uploaded(scene.database, scene.name("ana"), status)
    answer = await send(ana, await ana.open(scene.name("bo")), file(file_id))
    assert (answer.status_code, said(answer.json())) == (422, (422, "file_not_completed", "/payload/file_id"))
    assert scene.outbox.records == []
    await scene.database["files"].update_one({"_id": file_id}, {"$set": {"status": "completed"}})
    assert (await send(ana, await ana.open(scene.name("bo")), file(file_id))).status_code == 202


async def test_who_was_sent_a_file_may_send_it_on_and_a_stranger_may_not(
    scene: Scene, ana: Caller, bo: Caller, mallory: Caller
) -> None:
    cy = await scene.user("cy")
    file_id = await uploaded(scene.database, scene.name("ana"))
    first, second = await ana.open_group(scene.name("bo")), await bo.open(scene.name("cy"))
    for caller, conversation_id in ((ana, first), (bo, second), (cy, await cy.open(scene.name("mallory")))):
        assert (await send(caller, conversation_id, file(file_id))).status_code == 202
        await scene.store()
    other = await uploaded(scene.database, scene.name("ana"))
    await send(ana, first, file(other))
    await scene.store()
    assert (await send(mallory, await mallory.open(scene.name("bo")), file(other))).status_code == 404


async def test_it_may_be_sent_on_only_when_the_message_is_stored(scene: Scene, ana: Caller, bo: Caller) -> None:
    conversation_id = await ana.open(scene.name("bo"))
    file_id = await uploaded(scene.database, scene.name("ana"))
    await send(ana, conversation_id, file(file_id))
    assert (await send(bo, conversation_id, file(file_id))).status_code == 404
    await scene.store()
    assert (await send(bo, conversation_id, file(file_id))).status_code == 202


async def test_in_a_batch_each_file_is_judged_alone_and_order_holds(scene: Scene, ana: Caller, bo: Caller) -> None:
    conversation_id = await ana.open(scene.name("bo"))
    mine, theirs = await uploaded(scene.database, scene.name("ana")), await uploaded(scene.database, scene.name("bo"))
    failed = await uploaded(scene.database, scene.name("ana"), "failed")
    text = {"type": "text", "text": "hi"}
    items = await batch(ana, conversation_id, text, file(mine), file(theirs), file(mine, caption="x"), file(failed))
    assert [said(i["problem"])[:2] if "problem" in i else None for i in items] == [
        *(None, None, (404, "not_found")),
        *(None, (422, "file_not_completed")),
    ]
    shown = [getattr(event.payload, "caption", "text") for event in scene.outbox.messages]
    assert shown == ["text", None, "x"]


async def test_a_batch_looks_its_files_up_with_one_query(scene: Scene, ana: Caller, bo: Caller) -> None:
    conversation_id = await ana.open(scene.name("bo"))
    mine = [await uploaded(scene.database, scene.name("ana")) for _ in range(50)]
    counted = {"ns": f"{scene.database.name}.files"}
    await scene.database.command({"profile": 2, "filter": counted | {"op": "query"}})
    items = await batch(ana, conversation_id, *(file(file_id) for file_id in mine * 2))
    await scene.database.command({"profile": 0, "filter": "unset"})
    assert [item["status"] for item in items] == ["ACCEPTED"] * 100
    assert await scene.database["system.profile"].count_documents(counted) == 1


async def test_a_retry_is_accepted_when_the_file_is_gone_and_a_new_message_is_not(
    scene: Scene, ana: Caller, bo: Caller
) -> None:
    conversation_id, message_id = await ana.open(scene.name("bo")), new_id()
    file_id = await uploaded(scene.database, scene.name("ana"))
    assert (await send(ana, conversation_id, file(file_id), message_id)).status_code == 202
    await scene.database["files"].delete_one({"_id": file_id})
    retry = await send(ana, conversation_id, file(file_id), message_id)
    assert (retry.status_code, retry.json()["message_id"]) == (202, message_id)
    assert (await send(ana, conversation_id, file(file_id))).status_code == 404
    assert (await send(ana, conversation_id, file(file_id, caption="other"), message_id)).status_code == 409


async def test_a_message_keeps_what_it_showed_of_a_file_that_is_gone(scene: Scene, ana: Caller, bo: Caller) -> None:
    file_id = await uploaded(scene.database, scene.name("ana"))
    answer = await send(ana, await ana.open(scene.name("bo")), file(file_id))
    await scene.store()
    await scene.database["files"].delete_one({"_id": file_id})
    assert (await bo.get(f"/v1/messages/{answer.json()['message_id']}")).json()["payload"]["file"] == SHOWN
