"""What large files cost the service that verifies them: no bytes before they are completed, and little memory then."""

import asyncio
import hashlib
from pathlib import Path

import httpx
import pytest

from conftest import Stack
from tests.contract.conftest import Caller, Json, NewCaller, new_caller
from tests.own_network import alone
from tests.processes import one_more

__all__ = ["new_caller"]

pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]
MIB = 1024 * 1024
LARGE = 100_000_000
FILES = 10
MOST_MEMORY = 200 * MIB
PATIENCE_S = 300.0


async def puts(upload: Json, past_us: httpx.AsyncClient) -> str:
    """All parts of a file of zeros; its SHA-256."""
    left, sha256 = LARGE, hashlib.sha256()
    for part in upload["parts"]:
        content = bytes(min(upload["part_size"], left))
        assert (await past_us.put(part["url"], content=content)).status_code == 200
        sha256.update(content)
        left -= len(content)
    return sha256.hexdigest()


async def uploads(http: httpx.AsyncClient, caller: Caller, past_us: httpx.AsyncClient) -> Json:
    """A file in the store, and what completes it."""
    asked = {"filename": "zeros", "size": LARGE, "content_type": "application/octet-stream"}
    begun = (await http.post("/v1/files/initiate", json=asked, headers=caller.headers)).raise_for_status().json()
    return {"file_id": begun["file_id"], "sha256": await puts(begun["upload"], past_us)}


async def is_completed(http: httpx.AsyncClient, caller: Caller, body: Json) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while (answer := await http.post("/v1/files/complete", json=body, headers=caller.headers)).status_code != 200:
            assert answer.status_code in (202, 503), answer.text
    assert answer.json()["status"] == "completed"


async def test_no_byte_of_a_file_passes_the_service_before_it_is_verified(stack: Stack, new_caller: NewCaller) -> None:
    ana = await new_caller()
    parts = ("kafka", "mongo", "etcd", "s3", "auth")
    async with alone(stack, "files", *parts) as files, httpx.AsyncClient(timeout=PATIENCE_S) as past_us:
        await files.is_ready()
        before = await files.passed()
        body = await uploads(files.http, ana, past_us)
        uploaded = await files.passed()
        await is_completed(files.http, ana, body)
        shown = await files.http.get(f"/v1/files/{body['file_id']}", headers=ana.headers)
        verified = await files.passed()
        downloaded = await past_us.get(shown.json()["download_url"])
        assert len(downloaded.content) == LARGE
        assert uploaded - before < MIB
        assert verified - uploaded > LARGE  # so the counter would have seen it
        assert await files.passed() - verified < MIB
        await files.http.delete(f"/v1/files/{body['file_id']}", headers=ana.headers)


async def test_ten_large_files_are_verified_at_once_in_little_memory(stack: Stack, new_caller: NewCaller) -> None:
    ana = await new_caller()
    async with one_more(stack, "files") as service:
        await service.is_ready()
        async with (
            httpx.AsyncClient(base_url=service.url, timeout=PATIENCE_S) as http,
            httpx.AsyncClient(timeout=PATIENCE_S) as past_us,
        ):
            bodies = [await uploads(http, ana, past_us) for _ in range(FILES)]
            await asyncio.gather(*(is_completed(http, ana, body) for body in bodies))
            assert peak_of(service.process.pid) < MOST_MEMORY
            for body in bodies:
                await http.delete(f"/v1/files/{body['file_id']}", headers=ana.headers)


def peak_of(pid: int) -> int:
    """Bytes that were resident at most."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
