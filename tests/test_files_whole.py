"""A file from its upload to the other's disk, through the gateway, with processes killed on the way."""

import hashlib
import secrets
from uuid import uuid4

import pytest

from tests.conftest import Chat
from tests.contract.conftest import Caller, Json, NewCaller, new_caller
from tests.contract.test_file_messages import file, shown

__all__ = ["new_caller"]


TEXT = {"type": "text", "text": "hi"}


def said(conversation_id: str, payload: Json, message_id: str | None = None) -> Json:
    return {"conversation_id": conversation_id, "payload": payload, "message_id": message_id}


async def sent(caller: Caller, message: Json) -> str:
    """The id of what is accepted."""
    answer = await caller.post("/v1/messages", message)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["message_id"])


@pytest.mark.parametrize("killed", ["router", "files", "frontend", "presence"])
async def test_a_file_reaches_the_others_disk_whatever_dies_behind_the_202(
    chat: Chat, new_caller: NewCaller, killed: str
) -> None:
    ana, bo, stranger = [await new_caller() for _ in range(3)]
    content = secrets.token_bytes(1_000_000)
    conversation, file_id = await ana.opens(bo), await ana.uploads(content)
    message_id = await sent(ana, said(conversation, file(file_id)))
    chat.kill(killed)
    await chat.whole_again()
    phone = await bo.online()
    pushed = await phone.first("message", message_id=message_id)
    assert pushed["payload"] == file(file_id, file=shown(content))
    found = await bo.downloads(file_id)
    assert hashlib.sha256(found).hexdigest() == pushed["payload"]["file"]["sha256"]
    assert (await stranger.get(f"/v1/files/{file_id}")).status_code == 404
    assert (await stranger.get(f"/v1/messages/{message_id}")).status_code == 404


async def test_while_the_router_is_away_a_file_is_accepted_and_opens_to_the_other_once_it_is_stored(
    chat: Chat, new_caller: NewCaller
) -> None:
    ana, bo = [await new_caller() for _ in range(2)]
    content = secrets.token_bytes(10_000)
    conversation, file_id = await ana.opens(bo), await ana.uploads(content)
    phone = await bo.online()
    async with chat.stopped("router"):
        message_id = await sent(ana, said(conversation, file(file_id)))
        assert (await bo.get(f"/v1/files/{file_id}")).status_code == 404
    await phone.first("message", message_id=message_id)
    assert await bo.downloads(file_id) == content


async def test_while_mongodb_hangs_only_new_files_are_put_off(chat: Chat, new_caller: NewCaller) -> None:
    ana, bo = [await new_caller() for _ in range(2)]
    conversation, file_id = await ana.opens(bo), await ana.uploads(b"a view")
    hers, his, mine = await ana.online(), await bo.online(), str(uuid4())
    before, new = (said(conversation, file(file_id), message_id) for message_id in (mine, str(uuid4())))
    await sent(ana, before)
    hers.say({"type": "send", "ref": "known", **said(conversation, TEXT)})
    await hers.first("accepted", ref="known")
    async with chat.hanging("mongo"):
        refused = await ana.post("/v1/messages", new)
        assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
        answer = await ana.post("/v1/messages/batch", {"messages": [new, said(conversation, TEXT), before]})
        statuses = [item.get("problem", {}).get("status", 202) for item in answer.json()["items"]]
        assert (answer.status_code, statuses) == (202, [503, 202, 202])
        hers.say({"type": "send", "ref": "file", **new})
        hers.say({"type": "send", "ref": "text", **said(conversation, TEXT)})
        assert (await hers.first("rejected", ref="file"))["problem"]["status"] == 503
        await hers.first("accepted", ref="text")
    await sent(ana, new)
    await his.until(lambda: len(his.of("message")) >= 5)
    assert [frame["payload"]["type"] for frame in his.of("message")] == ["file", "text", "text", "text", "file"]
