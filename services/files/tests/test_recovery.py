"""What is interrupted goes on: the store away, the process gone, Kafka away, and uploads that nobody completes."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

from libs.common.clock import now
from libs.common.errors import Retry
from libs.common.leases import new_lease
from libs.common.storage import Part, Storage
from services.files.domain.uploads import ABANDONED_AFTER, MAX_SINGLE
from services.files.tests.conftest import MIB, PATIENCE_S, Caller, Scene, a_process, sha256

HELLO = b"hello"
CLAIM = {"sha256": sha256(HELLO), "parts": []}
A_SECOND = timedelta(seconds=1)
A_DAY = timedelta(days=1)
COPY = b"x-amz-copy-source"


async def test_while_the_store_is_away_it_is_refused_and_completes_when_it_is_back(ana: Caller, scene: Scene) -> None:
    file_id = await ana.sends(HELLO)
    scene.line.cut()
    answer = await ana.completes(file_id, HELLO)
    assert (answer.status_code, answer.json()["code"]) == (503, "s3_unavailable")
    assert answer.headers["retry-after"]
    assert (await ana.sees(file_id))["status"] == "verifying"
    scene.line.is_cut = False
    assert (await ana.completes(file_id, HELLO)).status_code == 200


class JoinedMeanwhile(Storage):
    """What one attempt finds of an upload that an earlier one, without its lease by now, joins at this moment."""

    async def parts(self, key: str, upload_id: str) -> list[Part]:
        await self.complete_multipart(key, upload_id, await super().parts(key, upload_id))
        return await super().parts(key, upload_id)


async def test_parts_that_an_earlier_attempt_joins_at_the_last_moment_are_not_missed(ana: Caller, scene: Scene) -> None:
    content = bytes(MAX_SINGLE + 1)
    file_id = await ana.sends(content)
    scene.storage.__class__ = JoinedMeanwhile
    assert (await ana.completes(file_id, content)).json()["status"] == "completed"


def before_a_copy(scene: Scene, happens: Callable[[], Awaitable[None]]) -> None:
    """When it is noted already, and has not begun."""

    class Copying(Storage):
        async def copy(self, source: str, target: str, content_type: str) -> None:
            await happens()
            await super().copy(source, target, content_type)

    scene.storage.__class__ = Copying


async def test_what_is_deleted_while_it_is_verified_is_gone_though_the_store_is_too(ana: Caller, scene: Scene) -> None:
    file_id = await ana.sends(HELLO)

    async def both_go() -> None:
        scene.line.cut()
        await ana.delete(f"/v1/files/{file_id}")

    before_a_copy(scene, both_go)
    assert (await ana.completes(file_id, HELLO)).status_code == 404


async def test_when_the_store_is_back_it_completes_without_being_asked(ana: Caller, scene: Scene) -> None:
    file_id = await ana.sends(HELLO)
    scene.line.cut()
    await ana.completes(file_id, HELLO)
    scene.line.is_cut = False
    await scene.process.recovery.take_up(now() + timedelta(minutes=1))
    assert (await scene.ended(file_id))["status"] == "completed"


async def test_a_store_that_goes_in_the_middle_loses_nothing(ana: Caller, scene: Scene) -> None:
    file_id = await ana.sends(HELLO)
    scene.line.loses_answers_to = COPY
    asked = asyncio.create_task(ana.completes(file_id, HELLO))
    await scene.line.lost()
    scene.line.cut()
    assert (await asked).status_code == 503
    scene.line.loses_answers_to, scene.line.is_cut = None, False
    assert (await ana.completes(file_id, HELLO)).status_code == 200
    key = (await scene.tidied(file_id))["key"]
    assert await scene.keys() == [key]


async def test_what_a_dead_worker_held_is_taken_over_when_its_lease_has_run_out(ana: Caller, scene: Scene) -> None:
    file_id = await ana.sends(HELLO)
    lease = new_lease(30)
    assert await scene.process.store.begin(file_id, ana.name, CLAIM, lease)
    await scene.process.recovery.take_up(now())
    assert (await scene.document(file_id))["lease"]["by"] == lease["by"]
    await scene.process.recovery.take_up(lease["until"] + A_SECOND)
    assert (await scene.ended(file_id))["status"] == "completed"


async def test_who_leaves_gives_its_work_back_at_once(ana: Caller, scene: Scene) -> None:
    file_id = await ana.sends(HELLO)
    scene.line.loses_answers_to = COPY
    async with a_process(scene.database, scene.storage, scene.outbox) as leaving:
        begun = await leaving.store.begin(file_id, ana.name, CLAIM, new_lease(3600))
        assert begun
        leaving.verifier.start(begun)
        await scene.line.lost()
    assert (await scene.document(file_id))["lease"]["by"] is None
    scene.line.loses_answers_to = None
    assert (await ana.completes(file_id, HELLO)).status_code == 200


async def test_a_worker_that_sleeps_past_its_lease_changes_nothing_when_it_wakes_up(ana: Caller, scene: Scene) -> None:
    """Its copy would hold what was put later: it is another object, and goes."""
    begun = await ana.begins(len(HELLO))
    file_id = begun["file_id"]
    await ana.puts(begun["upload"], HELLO)
    asleep = await scene.process.store.begin(file_id, ana.name, CLAIM, new_lease(0))
    assert asleep
    assert (await ana.completes(file_id, HELLO)).status_code == 200
    await ana.puts(begun["upload"], b"olleh")
    scene.process.verifier.start(asleep)
    woken = scene.process.verifier.running(file_id)
    assert woken
    await woken
    assert (await ana.downloads(file_id)).content == HELLO
    assert len((await scene.document(file_id))["copies"]) == 1
    assert len(await scene.told(file_id)) == 1


async def test_what_could_not_be_told_is_told_later_under_the_same_id(ana: Caller, scene: Scene) -> None:
    scene.outbox.is_away = True
    file_id = (await ana.uploads(HELLO))["file_id"]
    await scene.tidied(file_id)
    scene.outbox.is_away = False
    for _ in range(2):
        await scene.change(file_id, untold=True)
        await scene.process.recovery.tell(now() + timedelta(minutes=1))
    assert [event.file_id for event in await scene.told(file_id)] == [file_id] * 2
    assert len(set(scene.outbox.ids)) == 1


async def test_more_bytes_than_were_announced_go_when_no_url_is_good_any_more(ana: Caller, scene: Scene) -> None:
    begun = [await ana.begins(len(HELLO)) for _ in range(2)]
    for one, content in zip(begun, (HELLO, HELLO * 1000), strict=True):
        assert (await ana.puts(one["upload"], content)).status_code == 200
    kept, oversized = [one["file_id"] for one in begun]
    first, last = [(await scene.document(file_id))["upload"]["expires_at"] for file_id in (kept, oversized)]
    await scene.process.recovery.tidy(first - A_SECOND)
    assert len(await scene.keys()) == 2
    await scene.process.recovery.tidy(last + A_SECOND)
    assert (await ana.sees(oversized))["error"]["code"] == "size_mismatch"
    assert await scene.keys() == [(await scene.document(kept))["upload"]["key"]]
    assert (await ana.completes(kept, HELLO)).status_code == 200


async def test_a_url_that_was_signed_anew_is_looked_at_when_it_is_void(ana: Caller, scene: Scene) -> None:
    file_id = await ana.sends(HELLO)
    seen = await scene.document(file_id)
    await ana.post(f"/v1/files/{file_id}/parts", {})
    await scene.process.store.tidied(seen, None)
    assert (await scene.document(file_id))["tidy_at"] > seen["tidy_at"]


async def test_a_file_that_cannot_be_told_of_holds_up_no_other(ana: Caller, scene: Scene) -> None:
    scene.outbox.is_away = True
    broken, whole = [(await ana.uploads(HELLO))["file_id"] for _ in range(2)]
    for file_id in (broken, whole):
        await scene.tidied(file_id)
    scene.outbox.is_away = False
    await scene.change(broken, size="large")
    await scene.process.recovery.tell(now() + timedelta(minutes=1))
    await scene.change(broken, size=len(HELLO))
    assert len(await scene.told(whole)) == 1
    await scene.process.recovery.tell(now() + timedelta(minutes=1))
    assert len(await scene.told(broken)) == 1


async def test_an_abandoned_upload_is_swept_with_what_came_of_it(ana: Caller, scene: Scene) -> None:
    whole = await ana.sends(HELLO)
    upload = (begun := await ana.begins(MAX_SINGLE + 1))["upload"]
    await ana.puts({**upload, "parts": upload["parts"][:2]}, bytes(16 * MIB))
    recovery = scene.process.recovery
    await recovery.sweep(now() + ABANDONED_AFTER - timedelta(minutes=1))
    assert {(await ana.sees(f))["status"] for f in (whole, begun["file_id"])} == {"uploading"}
    await recovery.sweep(now() + ABANDONED_AFTER + timedelta(minutes=1))
    for file_id in (whole, begun["file_id"]):
        assert (await ana.sees(file_id))["error"]["code"] == "upload_abandoned"
        assert [event.status for event in await scene.told(file_id)] == ["failed"]
    assert await scene.keys() == []
    document = await scene.document(begun["file_id"])
    assert await scene.storage.parts(document["upload"]["key"], document["upload"]["upload_id"]) == []
    assert (await ana.completes(whole, HELLO)).json()["code"] == "upload_abandoned"


async def test_of_a_deleted_file_nothing_is_left_also_where_the_store_was_away(ana: Caller, scene: Scene) -> None:
    file_id = (await ana.uploads(HELLO))["file_id"]
    await scene.tidied(file_id)
    scene.line.cut()
    assert (await ana.delete(f"/v1/files/{file_id}")).status_code == 204
    assert (await ana.get(f"/v1/files/{file_id}")).status_code == 404
    scene.line.is_cut = False
    assert len(await scene.keys()) == 1
    await scene.process.recovery.tidy(now())
    assert await scene.keys() == []
    an_hour_ago = now() - timedelta(hours=1)
    await scene.change(file_id, tidy_at=now(), updated_at=an_hour_ago, **{"upload.expires_at": an_hour_ago})
    await scene.process.recovery.tidy(now())
    assert await scene.database["files"].find_one({"_id": file_id}) is None


async def test_a_file_that_is_deleted_while_it_is_verified_leaves_nothing(ana: Caller, scene: Scene) -> None:
    file_id = await ana.sends(HELLO)

    async def it_goes() -> None:
        await ana.delete(f"/v1/files/{file_id}")

    before_a_copy(scene, it_goes)
    assert (await ana.completes(file_id, HELLO)).status_code == 404
    async with asyncio.timeout(PATIENCE_S):
        while await scene.keys():
            await scene.process.recovery.tidy((await scene.document(file_id))["tidy_at"])
    assert scene.outbox.events == []


async def test_more_than_can_be_verified_at_once_wait_their_turn(ana: Caller, scene: Scene) -> None:
    async with a_process(scene.database, scene.storage, scene.outbox, at_once=2) as process:
        cy = scene.user("cy", process)
        contents = [f"number {n}".encode() for n in range(12)]
        file_ids = [await cy.sends(content) for content in contents]
        answers = await asyncio.gather(*(cy.completes(f, c) for f, c in zip(file_ids, contents, strict=True)))
    assert [answer.status_code for answer in answers] == [200] * len(contents)


async def test_what_the_store_will_not_delete_keeps_nothing_else_from_being_deleted(ana: Caller, scene: Scene) -> None:
    held, other = await ana.sends(HELLO), await ana.sends(HELLO)
    await scene.change(held, **{"upload.key": "a\0b"})
    for file_id in (held, other):
        await ana.delete(f"/v1/files/{file_id}")
    yesterday = now() - A_DAY
    await scene.change(other, tidy_at=now(), updated_at=yesterday, **{"upload.expires_at": yesterday})
    for _ in range(2):
        with suppress(Retry):
            await scene.process.recovery.tidy(now())
    assert (await scene.document(held))["status"] == "deleted"
    assert await scene.database["files"].find_one({"_id": other}) is None
