"""Files while processes and the store die: refused politely, and nothing that was uploaded is lost."""

import asyncio
import hashlib
import secrets
import signal

import httpx
import pytest

from libs.common import mongo
from tests.conftest import PATIENCE_S, Chat
from tests.contract.conftest import Caller, Json, NewCaller, new_caller
from tests.processes import one_more

__all__ = ["new_caller"]

MIB = 1024 * 1024
CHANCES = 5


def completion(file_id: str, content: bytes) -> Json:
    return {"file_id": file_id, "sha256": hashlib.sha256(content).hexdigest()}


async def sends(caller: Caller, content: bytes) -> str:
    """Uploaded and not completed; the file_id."""
    begun = await caller.begins(content, content_type="application/octet-stream")
    async with httpx.AsyncClient(timeout=PATIENCE_S) as past_us:
        upload = begun["upload"]
        (await past_us.put(upload["url"], content=content, headers=upload["headers"])).raise_for_status()
    return str(begun["file_id"])


async def completed(caller: Caller, file_id: str) -> Json:
    """Waits for it without asking for it."""
    async with asyncio.timeout(PATIENCE_S):
        while (answer := await caller.get(f"/v1/files/{file_id}")).json().get("status") != "completed":
            assert answer.json().get("status") in (None, "verifying"), answer.text
            await asyncio.sleep(0.1)
    return dict(answer.json())


async def copies_of(database: mongo.Database, file_id: str) -> int:
    found = await database["files"].find_one({"_id": file_id, "status": "verifying"})
    return len(found["copies"]) if found else 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_file_completes_though_its_verifier_was_killed(
    chat: Chat, new_caller: NewCaller, number: signal.Signals
) -> None:
    """Nobody asks for it again: another process finds the lease that has run out, or was given back."""
    ana, content = await new_caller(), secrets.token_bytes(64 * MIB)
    for _ in range(CHANCES):
        file_id = await sends(ana, content)
        if await ended_in_the_middle(chat, ana, completion(file_id, content), number) or number == signal.SIGTERM:
            break  # who is asked to leave may finish
    else:
        pytest.fail("the verifier was never caught at its work")
    await completed(ana, file_id)
    assert await ana.downloads(file_id) == content


async def ended_in_the_middle(chat: Chat, caller: Caller, body: Json, number: signal.Signals) -> bool:
    """A verifier of its own, while it reads the file; False where it was sooner."""
    file_id = str(body["file_id"])
    async with (
        mongo.connect(chat.stack.mongo, chat.stack.mongo_database) as database,
        one_more(chat.stack, "files") as verifier,
        httpx.AsyncClient(base_url=verifier.url, headers=caller.headers, timeout=PATIENCE_S) as http,
    ):
        await verifier.is_ready()
        asked = asyncio.create_task(http.post("/v1/files/complete", json=body))
        async with asyncio.timeout(PATIENCE_S):
            while not asked.done() and not await copies_of(database, file_id):
                await asyncio.sleep(0)
        await verifier.leave(number)
        await asyncio.gather(asked, return_exceptions=True)
        return await copies_of(database, file_id) > 0


async def test_a_store_that_is_killed_loses_nothing_that_was_uploaded(chat: Chat, new_caller: NewCaller) -> None:
    ana, content = await new_caller(), secrets.token_bytes(MIB)
    file_id = await sends(ana, content)
    async with chat.stopped("s3"):
        async with asyncio.timeout(PATIENCE_S):
            while "s3" not in await chat.waits_for("files"):
                await asyncio.sleep(0.05)
        refused = await ana.post("/v1/files/complete", completion(file_id, content))
        assert (refused.status_code, refused.json()["code"]) == (503, "s3_unavailable")
        assert refused.headers["retry-after"]
        assert (await ana.get(f"/v1/files/{file_id}")).json()["status"] == "verifying"
    await chat.whole_again()
    shown = await completed(ana, file_id)
    again = await ana.post("/v1/files/complete", completion(file_id, content))
    assert (again.status_code, again.json()["sha256"]) == (200, shown["sha256"])
    assert await ana.downloads(file_id) == content


async def test_a_store_that_hangs_is_not_waited_for_without_end(chat: Chat, new_caller: NewCaller) -> None:
    ana, content = await new_caller(), secrets.token_bytes(MIB)
    file_id = await sends(ana, content)
    async with chat.hanging("s3"):
        refused = await ana.post("/v1/files/complete", completion(file_id, content))
        assert refused.status_code == 503
    await chat.whole_again()
    await completed(ana, file_id)


async def test_while_files_is_away_chatting_goes_on(chat: Chat, new_caller: NewCaller) -> None:
    ana, bo = await new_caller(), await new_caller()
    conversation = await ana.opens(bo)
    async with chat.stopped("files"):
        assert (await ana.get("/v1/files")).status_code == 503
        sent = await ana.sends(conversation, "hi")
        phone = await bo.online()
        assert (await phone.first("message"))["message_id"] == sent["message_id"]
    await chat.whole_again()
    assert (await ana.get("/v1/files")).status_code == 200
