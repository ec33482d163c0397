"""Files behind a real scanner, through the gateway: what is infected reaches nobody; without a verdict all waits."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest

from libs.common import storage
from libs.common.storage import Storage
from services.files.main import OFF
from services.files.settings import Settings
from services.files.tests.scanning import EICAR, FOUND, LARGEST, Scanners, scanners_in
from tests.conftest import PATIENCE_S, Chat
from tests.contract.conftest import Caller, Json, NewCaller, new_caller
from tests.processes import one_more

__all__ = ["new_caller"]

CLEAN = b"a letter to nobody\n" * 100


@pytest.fixture(scope="module")
def scanners(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scanners]:
    with scanners_in(tmp_path_factory.mktemp("scanners")) as running:
        yield running


@asynccontextmanager
async def scanned(chat: Chat, scanner: str) -> AsyncIterator[Json]:
    """In the place of the stack's files process, one with a scanner; what it says when it is ready."""
    port = chat.processes.ports["files"]
    async with chat.stopped("files"), one_more(chat.stack, "files", files_port=str(port), files_scanner=scanner):
        yield await ready(f"http://127.0.0.1:{port}/health/ready")


async def ready(url: str) -> Json:
    async with httpx.AsyncClient(timeout=60) as http, asyncio.timeout(PATIENCE_S):
        while True:
            try:
                answer = await http.get(url)
                if answer.status_code == 200:
                    return dict(answer.json())
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.05)


@pytest.fixture
async def objects(chat: Chat) -> AsyncIterator[Storage]:
    """The store of the stack, as its services see it."""
    place = Settings(_env_file=chat.stack.state / "parley.env").place  # type: ignore[call-arg]
    async with storage.connect(place) as connected:
        yield connected


async def until_it_is(status: str, caller: Caller, file_id: str) -> Json:
    async with asyncio.timeout(PATIENCE_S):
        while (file := (await caller.get(f"/v1/files/{file_id}")).json())["status"] != status:
            await asyncio.sleep(0.1)
    return dict(file)


@pytest.mark.parametrize("kind", ["clamd_url", "clamd_socket_url", "icap_url"])
async def test_infected_files_reach_nobody_and_clean_ones_everybody_they_are_sent_to(
    chat: Chat, new_caller: NewCaller, scanners: Scanners, objects: Storage, kind: str
) -> None:
    ana, bo = [await new_caller() for _ in range(2)]
    conversation = await ana.opens(bo)
    async with scanned(chat, getattr(scanners, kind)) as said:
        good, bad = await ana.uploads(CLEAN), await ana.stores(EICAR)
        for _ in range(2):
            answer = await ana.completes(bad, EICAR)
            assert (answer.status_code, answer.json()["code"]) == (422, "file_infected")
        scanner = said["notes"]["scanner"]
        file = (await ana.get(f"/v1/files/{good}")).json()
        assert (file["status"], file["scan"] | {"at": ""}) == ("completed", scan("clean", scanner))
        assert await ana.downloads(good) == CLEAN
        file = (await ana.get(f"/v1/files/{bad}")).json()
        assert (file["status"], file["scan"] | {"at": ""}) == (
            "quarantined",
            scan("infected", scanner, signature=FOUND),
        )
        assert not {"download_url", "completed_at"} & file.keys()
        sent = {"conversation_id": conversation, "payload": {"type": "file", "file_id": bad}}
        answer = await ana.post("/v1/messages", sent)
        assert (answer.status_code, answer.json()["code"]) == (422, "file_not_completed")
        assert (await bo.get(f"/v1/files/{bad}")).status_code == 404
        assert await everything_of(objects, bad) == [f"quarantine/{bad}"]
        assert (await ana.call("DELETE", f"/v1/files/{bad}")).status_code == 204
        assert await everything_of(objects, bad) == []


def scan(verdict: str, scanner: str, **more: str) -> Json:
    return {"scanner": scanner, "verdict": verdict, "at": "", **more}


async def everything_of(objects: Storage, file_id: str) -> list[str]:
    listed = objects._client._list_objects(objects._bucket)
    return [str(found.object_name) async for found in listed if file_id in str(found.object_name)]


async def test_while_clamd_is_away_a_file_waits_and_it_completes_by_itself(
    chat: Chat, new_caller: NewCaller, scanners: Scanners
) -> None:
    ana = await new_caller()
    async with scanned(chat, scanners.clamd_url):
        good, bad = await ana.stores(CLEAN), await ana.stores(EICAR)
        scanners.clamd.stop()
        try:
            for file_id, content in ((good, CLEAN), (bad, EICAR)):
                answer = await ana.completes(file_id, content)
                assert (answer.status_code, answer.json()["code"]) == (503, "scanner_unavailable")
                assert answer.headers["retry-after"]
                file = (await ana.get(f"/v1/files/{file_id}")).json()
                assert (file["status"], "download_url" in file) == ("scanning", False)
            assert await chat.waits_for("files") == ["scanner"]
        finally:
            scanners.clamd.start()
        await until_it_is("completed", ana, good)
        await until_it_is("quarantined", ana, bad)
        assert (await ana.completes(good, CLEAN)).status_code == 200


async def test_a_file_that_is_scanned_for_long_is_answered_202_meanwhile(
    chat: Chat, new_caller: NewCaller, scanners: Scanners
) -> None:
    ana = await new_caller()
    async with scanned(chat, scanners.clamd_url):
        file_id = await ana.stores(CLEAN)
        with scanners.clamd.hanging():
            answer = await ana.completes(file_id, CLEAN)
            assert (answer.status_code, answer.json()["status"]) == (202, "scanning")
        assert "download_url" in await until_it_is("completed", ana, file_id)


async def test_what_clamd_does_not_read_whole_is_refused(chat: Chat, new_caller: NewCaller, scanners: Scanners) -> None:
    ana = await new_caller()
    large = bytes(LARGEST + 1)
    async with scanned(chat, scanners.clamd_url):
        file_id = await ana.stores(large)
        answer = await ana.completes(file_id, large)
        assert (answer.status_code, answer.json()["code"]) == (422, "scan_refused")
        assert (await ana.get(f"/v1/files/{file_id}")).json()["status"] == "failed"


async def test_without_a_scanner_it_says_so(chat: Chat, new_caller: NewCaller) -> None:
    ana = await new_caller()
    said = await ready(f"http://127.0.0.1:{chat.processes.ports['files']}/health/ready")
    assert said["notes"] == {"scanner": OFF}
    file_id = await ana.uploads(EICAR)
    assert (await ana.get(f"/v1/files/{file_id}")).json()["scan"] is None
