"""What becomes of bytes: nothing is believed of them, and only what was verified is ever given out."""

import asyncio
from typing import Any

import pytest

from services.files.domain.uploads import MAX_SINGLE
from services.files.handlers.verifying import MAX_FAULTS
from services.files.tests.conftest import MIB, PNG, Caller, Scene, a_process, sha256

HELLO, OTHER = b"hello", b"olleh"
LARGE = MAX_SINGLE + 1


async def test_a_file_is_what_its_bytes_are(ana: Caller, scene: Scene) -> None:
    file = await ana.uploads(PNG, filename="cat.png", content_type="image/png")
    assert file["status"] == "completed"
    assert (file["sha256"], file["size"]) == (sha256(PNG), len(PNG))
    assert (file["detected_type"], file["type_matches"], file["scan"]) == ("image/png", True, None)
    answer = await ana.downloads(file["file_id"])
    assert answer.content == PNG
    assert answer.headers["content-disposition"] == "attachment; filename=\"cat.png\"; filename*=UTF-8''cat.png"
    assert answer.headers["content-type"] == "image/png"
    assert await ana.sees(file["file_id"]) | _urls(file) == file


def _urls(file: dict[str, Any]) -> dict[str, Any]:
    return {name: file[name] for name in ("download_url", "download_expires_at")}


async def test_a_difference_of_types_is_recorded_and_shown(ana: Caller) -> None:
    file = await ana.uploads(PNG, filename="notes.txt", content_type="text/plain")
    assert (file["status"], file["content_type"]) == ("completed", "text/plain")
    assert (file["detected_type"], file["type_matches"]) == ("image/png", False)


async def test_before_it_is_completed_nobody_gets_a_url(ana: Caller) -> None:
    file = await ana.sees(await ana.sends(HELLO))
    assert file["status"] == "uploading"
    assert not {"download_url", "completed_at"} & file.keys()
    assert (file["detected_type"], file["type_matches"]) == (None, None)


@pytest.mark.parametrize("size", [len(HELLO), LARGE])
async def test_a_wrong_checksum_fails_and_the_bytes_are_gone(ana: Caller, scene: Scene, size: int) -> None:
    file_id = await ana.sends(bytes(size))
    for _ in range(2):
        answer = await ana.completes(file_id, OTHER)
        assert (answer.status_code, answer.json()["code"]) == (422, "checksum_mismatch")
    assert (await ana.completes(file_id, bytes(size))).json()["code"] == "checksum_mismatch"
    file = await ana.sees(file_id)
    assert (file["status"], file["error"]["code"]) == ("failed", "checksum_mismatch")
    await scene.tidied(file_id)
    assert await scene.keys() == []


async def test_another_checksum_than_the_announced_fails_too(ana: Caller) -> None:
    file_id = await ana.sends(HELLO, sha256=sha256(OTHER))
    assert (await ana.completes(file_id, HELLO)).json()["code"] == "checksum_mismatch"


@pytest.mark.parametrize("content", [b"hell", b"hello, world"])
async def test_bytes_of_another_number_fail_and_are_gone(ana: Caller, scene: Scene, content: bytes) -> None:
    begun = await ana.begins(len(HELLO))
    assert (await ana.puts(begun["upload"], content)).status_code == 200
    answer = await ana.completes(begun["file_id"], content)
    assert (answer.status_code, answer.json()["code"]) == (422, "size_mismatch")
    assert (await ana.sees(begun["file_id"]))["status"] == "failed"
    await scene.tidied(begun["file_id"])
    assert await scene.keys() == []


async def test_without_any_bytes_a_file_fails(ana: Caller) -> None:
    file_id = (await ana.begins(len(HELLO)))["file_id"]
    assert (await ana.completes(file_id, HELLO)).json()["code"] == "size_mismatch"


async def test_completing_twice_gives_the_same_answer(ana: Caller, scene: Scene) -> None:
    file_id = await ana.sends(HELLO)
    first, *more = await asyncio.gather(*(ana.completes(file_id, HELLO) for _ in range(5)))
    again = await ana.completes(file_id, HELLO)
    for answer in (*more, again):
        assert answer.status_code == first.status_code == 200
        assert answer.json() | _urls(first.json()) == first.json()
    assert len((await scene.document(file_id))["copies"]) == 1
    assert len(await scene.told(file_id)) == 1


async def test_completing_with_another_checksum_later_changes_nothing(ana: Caller) -> None:
    file_id = (await ana.uploads(HELLO))["file_id"]
    assert (await ana.completes(file_id, OTHER)).json()["code"] == "checksum_mismatch"
    assert (await ana.downloads(file_id)).content == HELLO


async def test_a_put_after_completion_changes_nothing(ana: Caller, scene: Scene) -> None:
    begun = await ana.begins(len(HELLO))
    await ana.puts(begun["upload"], HELLO)
    await ana.completes(begun["file_id"], HELLO)
    assert (await ana.puts(begun["upload"], OTHER)).status_code == 200
    assert (await ana.downloads(begun["file_id"])).content == HELLO
    assert (await ana.completes(begun["file_id"], HELLO)).status_code == 200


async def test_what_comes_too_late_goes_when_its_url_is_void(ana: Caller, scene: Scene) -> None:
    begun = await ana.begins(len(HELLO))
    file_id = begun["file_id"]
    await ana.puts(begun["upload"], HELLO)
    await ana.completes(file_id, HELLO)
    again_at = (await scene.tidied(file_id))["tidy_at"]
    await ana.puts(begun["upload"], OTHER)
    assert again_at > (await scene.document(file_id))["upload"]["expires_at"]
    await scene.process.recovery.tidy(again_at)
    assert await scene.keys() == [(await scene.document(file_id))["key"]]


async def test_a_part_that_comes_after_completion_changes_nothing(ana: Caller) -> None:
    content = bytes(LARGE)
    begun = await ana.begins(LARGE)
    await ana.puts(begun["upload"], content)
    assert (await ana.completes(begun["file_id"], content)).status_code == 200
    await ana.past_us.put(begun["upload"]["parts"][0]["url"], content=b"x" * 8 * MIB)
    assert sha256((await ana.downloads(begun["file_id"])).content) == sha256(content)


async def test_parts_may_come_in_any_order_and_be_named_in_any(ana: Caller, scene: Scene) -> None:
    content = bytes(range(256)) * (LARGE // 256 + 1)
    upload = (begun := await ana.begins(len(content)))["upload"]
    await ana.puts({**upload, "parts": upload["parts"][::-1]}, content)
    stored = (await ana.get(f"/v1/files/{begun['file_id']}/parts")).json()["parts"]
    named = [{"part_number": part["part_number"], "etag": part["etag"]} for part in stored[::-1]]
    answer = await ana.completes(begun["file_id"], content, parts=named)
    assert answer.json()["status"] == "completed"
    await scene.tidied(begun["file_id"])
    assert (await ana.downloads(begun["file_id"])).content == content


async def test_missing_parts_fail_and_the_others_are_gone(ana: Caller, scene: Scene) -> None:
    content = bytes(LARGE)
    upload = (begun := await ana.begins(LARGE))["upload"]
    await ana.puts({**upload, "parts": upload["parts"][:4] + upload["parts"][5:]}, content)
    for _ in range(2):
        answer = await ana.completes(begun["file_id"], content)
        assert (answer.status_code, answer.json()["code"]) == (422, "parts_incomplete")
        assert "5" in answer.json()["detail"]
    document = await scene.tidied(begun["file_id"])
    assert document["status"] == "failed"
    assert await scene.storage.parts(document["upload"]["key"], document["upload"]["upload_id"]) == []


@pytest.mark.parametrize("named", [[{"part_number": 1, "etag": "0" * 32}], [{"part_number": 77, "etag": "x"}]])
async def test_parts_that_are_not_those_that_were_named_fail(ana: Caller, named: list[dict[str, object]]) -> None:
    content = bytes(LARGE)
    file_id = await ana.sends(content)
    answer = await ana.completes(file_id, content, parts=named)
    assert (answer.status_code, answer.json()["code"]) == (422, "parts_incomplete")


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"sha256": "abc"}, "/sha256"),
        ({"file_id": "abc"}, "/file_id"),
        ({"parts": [{"part_number": 1, "etag": "x"}] * 2}, "/parts/1/part_number"),
        ({"parts": [{"part_number": 101, "etag": "x"}]}, "/parts/0/part_number"),
    ],
)
async def test_what_is_no_completion_is_refused_and_harms_nothing(
    ana: Caller, fields: dict[str, object], pointer: str
) -> None:
    file_id = await ana.sends(HELLO)
    answer = await ana.post("/v1/files/complete", {"file_id": file_id, "sha256": sha256(HELLO), **fields})
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert (await ana.completes(file_id, HELLO)).status_code == 200


async def test_what_takes_longer_is_told_by_looking_again(scene: Scene) -> None:
    async with a_process(scene.database, scene.storage, scene.outbox, wait_s=0, at_once=1) as process:
        ana = scene.user("ana", process)
        file_id = await ana.sends(HELLO)
        async with process.verifier._slots:  # until it is answered, nobody gets to it
            answer = await ana.completes(file_id, HELLO)
        assert (answer.status_code, answer.json()["status"]) == (202, "verifying")
        await scene.ended(file_id)
        assert (await ana.sees(file_id))["status"] == "completed"


async def test_a_fault_of_ours_is_tried_again_a_few_times_and_then_told(ana: Caller, scene: Scene) -> None:
    file_id = (await ana.begins(len(HELLO)))["file_id"]
    upload = (await scene.document(file_id))["upload"]
    await scene.change(file_id, upload={**upload, "method": "multipart"})  # parts of which nothing is known
    answers = [await ana.completes(file_id, HELLO) for _ in range(MAX_FAULTS + 1)]
    assert [answer.status_code for answer in answers] == [503] * (MAX_FAULTS - 1) + [422] * 2
    assert answers[-1].json()["code"] == "verification_failed"


async def test_an_event_tells_of_the_end_whatever_it_is(ana: Caller, scene: Scene) -> None:
    file = await ana.uploads(PNG, content_type="image/png")
    [event] = await scene.told(file["file_id"])
    assert (event.status, event.owner, event.sha256) == ("completed", ana.name, sha256(PNG))
    assert (event.detected_type, event.error) == ("image/png", None)
    failed = await ana.sends(HELLO)
    await ana.completes(failed, OTHER)
    [event] = await scene.told(failed)
    assert (event.status, event.sha256) == ("failed", None)
    assert event.error
    assert event.error.code == "checksum_mismatch"
