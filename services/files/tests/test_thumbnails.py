"""Thumbnails of completed files, on the real database and the real store; the test stands where Kafka stands."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

import pytest
from msgspec import structs

from libs.common import events
from libs.common.bus import Record, settle
from libs.common.clock import new_id
from libs.common.errors import Retry, Unavailable
from libs.common.events import FILE_EVENTS, FileEvent
from libs.common.storage import Objects
from services.files.tests import images
from services.files.tests.conftest import PATIENCE_S, Caller, Json, Scene
from services.files.tests.images import quarters, saved
from services.files.thumbnails.worker import Thumbnails

PNG = saved(quarters(), "PNG")
AN_IMAGE = {"filename": "a.png", "content_type": "image/png"}


def record(event: FileEvent, offset: int = 0) -> Record:
    return Record(FILE_EVENTS, 0, offset, event.file_id.encode(), events.encode(event))


@dataclass
class Watched:
    """The store, and what a test has happen right before an object of it is read."""

    objects: Objects
    reads: int = 0
    before: asyncio.Event | None = None
    failure: Exception | None = None

    async def read_object(self, key: str) -> AsyncGenerator[bytes, None]:
        self.reads += 1
        if self.failure:
            raise self.failure
        if self.before:
            await self.before.wait()
        async for chunk in self.objects.read_object(key):
            yield chunk

    async def put_object(self, key: str, content: bytes, content_type: str) -> None:
        await self.objects.put_object(key, content, content_type)

    async def delete(self, *keys: str) -> None:
        await self.objects.delete(*keys)


@dataclass
class Worker:
    scene: Scene
    objects: Watched
    thumbnails: Thumbnails

    async def hears(self, *file_ids: str) -> list[str]:
        """All that was told of these files; the reasons of what was rejected."""
        told = [event for file_id in file_ids for event in await self.scene.told(file_id)]
        return await self.handles([record(event) for event in told])

    async def handles(self, batch: Sequence[Record]) -> list[str]:
        async with asyncio.timeout(PATIENCE_S):
            return [rejected.reason for rejected in await settle(self.thumbnails, batch)]


@pytest.fixture
def worker(scene: Scene) -> Worker:
    objects = Watched(scene.storage)
    return Worker(scene, objects, Thumbnails(scene.process.store, objects, asyncio.Event()))


async def an_image(caller: Caller, content: bytes = PNG, **fields: str) -> str:
    return str((await caller.uploads(content, **{**AN_IMAGE, **fields}))["file_id"])


def keys(file_id: str) -> list[str]:
    return [f"thumbnails/{file_id}/160", f"thumbnails/{file_id}/640"]


async def thumbnail_keys(scene: Scene) -> list[str]:
    return sorted(key for key in await scene.keys() if key.startswith("thumbnails/"))


async def test_an_image_gets_thumbnails_that_its_metadata_leads_to(worker: Worker, ana: Caller) -> None:
    file_id = await an_image(ana)
    assert (await ana.sees(file_id))["thumbnails"] == []
    await worker.hears(file_id)
    file = await ana.sees(file_id)
    assert [(t["width"], t["height"], t["content_type"]) for t in file["thumbnails"]] == [
        (160, 120, "image/webp"),
        (640, 480, "image/webp"),
    ]
    for thumbnail in file["thumbnails"]:
        answer = await ana.past_us.get(thumbnail["url"])
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
        assert (len(answer.content), answer.content[8:12]) == (thumbnail["size"], b"WEBP")
    assert "thumbnails_error" not in file


async def test_what_is_no_image_by_its_bytes_is_left_alone(worker: Worker, ana: Caller) -> None:
    file_id = await an_image(ana, b"hello, I am text")
    assert await worker.hears(file_id) == []
    assert worker.objects.reads == 0
    file = await ana.sees(file_id)
    assert (file["thumbnails"], file["detected_type"], "thumbnails_error" in file) == ([], "text/plain", False)


async def test_an_image_by_another_name_is_one(worker: Worker, ana: Caller) -> None:
    file_id = await an_image(ana, filename="a.bin", content_type="application/octet-stream")
    await worker.hears(file_id)
    assert len((await ana.sees(file_id))["thumbnails"]) == 2


HOSTILE = {
    "broken_image": PNG[: len(PNG) // 2],
    "too_many_pixels": images.png_that_claims(60_000, 60_000),
    "took_too_long": images.jpeg_of_many_scans(),
}


@pytest.mark.parametrize("code", HOSTILE)
async def test_a_hostile_image_is_refused_and_holds_up_nobody(worker: Worker, ana: Caller, code: str) -> None:
    kind = "image/jpeg" if code == "took_too_long" else "image/png"
    bad, good = await an_image(ana, HOSTILE[code], content_type=kind), await an_image(ana)
    assert await worker.hears(bad, good) == []
    assert len((await ana.sees(good))["thumbnails"]) == 2
    file: Json = await ana.sees(bad)
    assert (file["status"], file["thumbnails"], file["thumbnails_error"]["code"]) == ("completed", [], code)
    assert (await ana.downloads(bad)).content == HOSTILE[code]
    assert worker.objects.reads == 2
    await worker.hears(bad, good)
    assert worker.objects.reads == 2


async def test_the_same_event_again_changes_nothing(worker: Worker, ana: Caller) -> None:
    file_id = await an_image(ana)
    await worker.hears(file_id, file_id)
    first = await worker.scene.tidied(file_id)
    await worker.hears(file_id)
    assert await worker.scene.document(file_id) == first
    assert worker.objects.reads == 1


async def test_what_a_crash_left_half_done_is_done_again(worker: Worker, ana: Caller) -> None:
    file_id = await an_image(ana)
    await worker.scene.storage.put_object(keys(file_id)[0], b"half", "image/webp")
    await worker.hears(file_id)
    answers = [await ana.past_us.get(t["url"]) for t in (await ana.sees(file_id))["thumbnails"]]
    assert [answer.content[:4] for answer in answers] == [b"RIFF", b"RIFF"]


async def test_while_the_store_is_away_the_events_wait(worker: Worker, ana: Caller) -> None:
    file_id, other = await an_image(ana), await an_image(ana)
    worker.objects.failure = Unavailable("S3", "a test has it so")
    with pytest.raises(Unavailable):
        await worker.hears(file_id, other)
    assert "thumbnails_error" not in await ana.sees(file_id)
    worker.objects.failure = None
    await worker.hears(file_id, other)
    assert [len((await ana.sees(each))["thumbnails"]) for each in (file_id, other)] == [2, 2]


async def test_a_deleted_file_gets_none(worker: Worker, ana: Caller) -> None:
    file_id = await an_image(ana)
    [event] = await worker.scene.told(file_id)
    await worker.scene.storage.put_object(keys(file_id)[0], b"left by a crash", "image/webp")
    await ana.delete(f"/v1/files/{file_id}")
    assert await worker.handles([record(event)]) == []
    assert (worker.objects.reads, await thumbnail_keys(worker.scene)) == (0, [])


async def test_a_file_that_is_deleted_meanwhile_leaves_nothing_behind(worker: Worker, ana: Caller) -> None:
    file_id = await an_image(ana)
    worker.objects.before = asyncio.Event()
    hearing = asyncio.create_task(worker.hears(file_id))
    while not worker.objects.reads:
        await asyncio.sleep(0)
    await ana.delete(f"/v1/files/{file_id}")
    worker.objects.before.set()
    assert await hearing == []
    assert await worker.scene.keys() == []


async def test_deleting_a_file_deletes_its_thumbnails(worker: Worker, ana: Caller) -> None:
    file_id = await an_image(ana)
    await worker.hears(file_id)
    assert await thumbnail_keys(worker.scene) == keys(file_id)
    await ana.delete(f"/v1/files/{file_id}")
    assert await worker.scene.keys() == []


async def test_a_process_that_is_to_end_gives_its_images_back(worker: Worker, ana: Caller) -> None:
    file_id = await an_image(ana)
    worker.objects.before = asyncio.Event()
    hearing = asyncio.create_task(worker.hears(file_id))
    while not worker.objects.reads:
        await asyncio.sleep(0)
    worker.thumbnails.stop.set()
    with pytest.raises(Retry, match="the end of this process"):
        await hearing
    assert (await worker.scene.document(file_id))["thumbnails"] == []


async def test_only_a_few_are_decoded_at_a_time(worker: Worker, ana: Caller) -> None:
    ids = [await an_image(ana) for _ in range(5)]
    worker.objects.before = asyncio.Event()
    hearing = asyncio.create_task(worker.hears(*ids))
    while worker.objects.reads < 2:
        await asyncio.sleep(0)
    await asyncio.wait({hearing}, timeout=0.2)
    assert worker.objects.reads == 2
    worker.objects.before.set()
    await hearing
    assert worker.objects.reads == 5


async def test_only_members_of_its_conversations_see_them(worker: Worker, ana: Caller, bo: Caller) -> None:
    file_id = await an_image(ana)
    await worker.hears(file_id)
    assert (await bo.get(f"/v1/files/{file_id}")).status_code == 404
    await worker.scene.shares(file_id, ana, bo)
    [small, _] = (await bo.sees(file_id))["thumbnails"]
    assert (await bo.past_us.get(small["url"])).status_code == 200
    assert (await bo.past_us.get(small["url"].partition("?")[0])).status_code == 403


async def test_what_is_no_event_is_set_aside(worker: Worker) -> None:
    unknown = FileEvent(
        file_id=new_id(), owner="a", status="completed", filename="a", size=1, content_type="a/b",
        detected_type="image/png", at="now",
    )  # fmt: skip
    rubbish = Record(FILE_EVENTS, 0, 1, None, b"rubbish")
    later = Record(FILE_EVENTS, 0, 2, None, events.encode(structs.replace(unknown, version=2)))
    assert await worker.handles([record(unknown), rubbish, later]) == ["malformed", "unsupported_version"]
