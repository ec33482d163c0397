"""Messages that bring a file, to the letter: who may send it, who sees it, and what is shown of it."""

import hashlib
import secrets
import uuid

import httpx

from tests.contract.conftest import Caller, Json
from tests.contract.test_everywhere import is_problem, pointers

POINTER = ["/payload/file_id"]


def file(file_id: str, **more: object) -> Json:
    return {"type": "file", "file_id": file_id, **more}


async def send(caller: Caller, conversation_id: str, payload: Json, **fields: object) -> httpx.Response:
    return await caller.post("/v1/messages", {"conversation_id": conversation_id, "payload": payload, **fields})


async def sends(caller: Caller, conversation_id: str, payload: Json, **fields: object) -> str:
    """The id of the message, once it is stored."""
    answer = await send(caller, conversation_id, payload, **fields)
    assert answer.status_code == 202, answer.text
    message_id = str(answer.json()["message_id"])
    await caller.status(message_id)
    return message_id


def shown(content: bytes) -> Json:
    sha256 = hashlib.sha256(content).hexdigest()
    return {"filename": "view.txt", "size": len(content), "content_type": "text/plain", "sha256": sha256}


async def test_every_member_gets_the_file_with_the_message_and_may_download_it(
    ana: Caller, bo: Caller, cy: Caller, dee: Caller
) -> None:
    content = secrets.token_bytes(100_000)
    file_id = await ana.uploads(content)
    conversation, phone = await ana.opens(bo, cy, kind="group"), await bo.online()
    payload = file(file_id, caption="look 👀", file={"filename": "other", "size": -1})
    message_id = await sends(ana, conversation, payload, to=[cy.name])
    pushed = await phone.first("message", message_id=message_id)
    read = (await cy.get(f"/v1/messages/{message_id}")).json()
    (listed,) = (await cy.get(f"/v1/conversations/{conversation}/messages")).json()["items"]
    last = (await bo.get(f"/v1/conversations/{conversation}")).json()["last_message"]
    assert read["payload"] == file(file_id, caption="look 👀", file=shown(content))
    assert [pushed["payload"], listed["payload"], last["payload"]] == [read["payload"]] * 3
    for member in (ana, bo, cy):
        assert await member.downloads(file_id) == content
    assert is_problem(await dee.get(f"/v1/files/{file_id}"), 404, "not_found")


async def test_others_files_are_not_there_and_who_got_one_may_send_it_on(ana: Caller, bo: Caller, dee: Caller) -> None:
    content = b"pass it on"
    file_id = await ana.uploads(content)
    with_bo, with_dee = await ana.opens(bo), await bo.opens(dee, kind="group")
    for stranger, conversation in ((bo, with_dee), (dee, with_dee)):
        refused = await send(stranger, conversation, file(file_id))
        assert is_problem(refused, 404, "not_found")
        assert pointers(refused) == POINTER
    await sends(ana, with_bo, file(file_id))
    assert is_problem(await send(dee, with_dee, file(file_id)), 404, "not_found")
    message_id = await sends(bo, with_dee, file(file_id))
    assert (await dee.get(f"/v1/messages/{message_id}")).json()["payload"] == file(file_id, file=shown(content))
    assert await dee.downloads(file_id) == content


async def test_only_a_completed_file_is_sent(ana: Caller, bo: Caller) -> None:
    begun, conversation = await ana.begins(b"soon"), await ana.opens(bo)
    refused = await send(ana, conversation, file(begun["file_id"]))
    assert is_problem(refused, 422, "file_not_completed")
    assert pointers(refused) == POINTER


async def test_in_a_batch_a_file_that_cannot_be_sent_fails_alone(ana: Caller, bo: Caller) -> None:
    file_id, begun = await ana.uploads(b"here"), await ana.begins(b"soon")
    conversation = await ana.opens(bo, kind="group")
    text = {"type": "text", "text": "hi"}
    payloads = [text, file(file_id), file(str(uuid.uuid4())), file(begun["file_id"]), file(file_id, caption="again")]
    messages = [{"conversation_id": conversation, "payload": payload} for payload in payloads]
    items = (await ana.post("/v1/messages/batch", {"messages": messages})).json()["items"]
    problems = [(i["problem"]["status"], i["problem"]["code"]) if "problem" in i else None for i in items]
    assert problems == [None, None, (404, "not_found"), (422, "file_not_completed"), None]
    await ana.status(items[-1]["message_id"])
    history = (await bo.get(f"/v1/conversations/{conversation}/messages")).json()["items"]
    assert [m["payload"].get("caption", m["payload"]["type"]) for m in history] == ["text", "file", "again"]


async def test_a_socket_sends_files_among_texts_in_order(ana: Caller, bo: Caller) -> None:
    file_id, conversation = await ana.uploads(b"here"), await ana.opens(bo, kind="group")
    phone = await ana.online()
    payloads = [file(file_id, caption="1"), {"type": "text", "text": "2"}, file(str(uuid.uuid4())), file(file_id)]
    for ref, payload in enumerate(payloads):
        phone.say({"type": "send", "ref": str(ref), "conversation_id": conversation, "payload": payload})
    accepted = [await phone.first("accepted", ref=ref) for ref in ("0", "1", "3")]
    problem = (await phone.first("rejected", ref="2"))["problem"]
    assert (problem["status"], problem["code"], problem["errors"][0]["pointer"]) == (404, "not_found", *POINTER)
    numbers = [(await ana.status(frame["message_id"]))["sequence_number"] for frame in accepted]
    assert numbers == [1, 2, 3]


async def test_a_deleted_file_cannot_be_sent_and_what_was_sent_stays_as_it_was(ana: Caller, bo: Caller) -> None:
    content, mine = b"gone soon", str(uuid.uuid4())
    file_id, conversation = await ana.uploads(content), await ana.opens(bo)
    await sends(ana, conversation, file(file_id), message_id=mine)
    assert (await ana.call("DELETE", f"/v1/files/{file_id}")).status_code == 204
    assert is_problem(await bo.get(f"/v1/files/{file_id}"), 404, "not_found")
    assert is_problem(await send(ana, conversation, file(file_id)), 404, "not_found")
    assert (await bo.get(f"/v1/messages/{mine}")).json()["payload"]["file"] == shown(content)
    retry = await send(ana, conversation, file(file_id), message_id=mine)
    assert (retry.status_code, retry.json()["message_id"]) == (202, mine)
    conflict = await send(ana, conversation, file(file_id, caption="other"), message_id=mine)
    assert is_problem(conflict, 409, "message_id_conflict")
