"""Uploads that begin: what is asked, what is answered, and what the URLs are good for."""

import asyncio
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from libs.common.clock import new_id, now
from services.files.domain.uploads import MAX_OPEN, MAX_SINGLE, MAX_SIZE
from services.files.tests.conftest import MIB, QUOTA, Caller, Scene, sha256

HELLO = b"hello"
LARGE = MAX_SINGLE + 1
QUARTER_S = "900"


def lifetime_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["X-Amz-Expires"][0]


async def test_a_small_file_is_one_put_that_is_good_for_a_quarter_of_an_hour(ana: Caller) -> None:
    upload = (await ana.begins(MAX_SINGLE, content_type="Image/PNG"))["upload"]
    assert (upload["method"], upload["headers"]) == ("PUT", {"Content-Type": "image/png"})
    assert lifetime_of(upload["url"]) == QUARTER_S


async def test_a_large_file_comes_in_parts_with_all_urls_at_once(ana: Caller) -> None:
    upload = (await ana.begins(LARGE))["upload"]
    assert upload.keys() == {"part_size", "part_count", "parts", "expires_at"}
    assert [part["part_number"] for part in upload["parts"]] == [*range(1, upload["part_count"] + 1)]
    assert {lifetime_of(part["url"]) for part in upload["parts"]} == {QUARTER_S}


async def test_the_largest_file_has_its_urls_in_one_answer_too(ana: Caller) -> None:
    begun = await ana.begins(MAX_SIZE)
    assert len(begun["upload"]["parts"]) == begun["upload"]["part_count"] <= 100
    assert (await ana.sees(begun["file_id"]))["size"] == MAX_SIZE


@pytest.mark.parametrize(
    ("fields", "code", "pointer"),
    [
        ({"size": MAX_SIZE + 1}, "invalid_field", "/size"),
        ({"size": 0}, "invalid_field", "/size"),
        ({"size": "1"}, "invalid_field", "/size"),
        ({"filename": ""}, "invalid_field", "/filename"),
        ({"filename": "a" * 1025}, "invalid_field", "/filename"),
        ({"content_type": "png"}, "invalid_field", "/content_type"),
        ({"content_type": "text/html"}, "content_type_not_allowed", "/content_type"),
        ({"sha256": "abc"}, "invalid_field", "/sha256"),
        ({"conversation_id": "abc"}, "invalid_field", "/conversation_id"),
    ],
)
async def test_what_cannot_be_a_file_is_refused(
    ana: Caller, scene: Scene, fields: dict[str, object], code: str, pointer: str
) -> None:
    answer = await ana.post("/v1/files/initiate", {"filename": "a", "size": 1, "content_type": "text/plain", **fields})
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert (await ana.get("/v1/files")).json()["items"] == []


async def test_a_conversation_that_is_not_the_callers_is_not_there(ana: Caller) -> None:
    assert (await ana.asks(5, conversation_id=new_id())).status_code == 404


async def test_a_name_is_shown_as_it_was_cleaned(ana: Caller) -> None:
    begun = await ana.begins(5, filename="../secret/\u202egpj.exe")
    assert begun["filename"] == "gpj.exe"
    assert (await ana.sees(begun["file_id"]))["filename"] == "gpj.exe"


async def test_without_a_token_nothing_is_begun(scene: Scene) -> None:
    answer = await scene.process.http.post("/v1/files/initiate", json={})
    assert answer.status_code == 401


async def test_the_store_itself_refuses_a_part_of_another_length(ana: Caller) -> None:
    first = (await ana.begins(LARGE))["upload"]["parts"][0]
    assert (await ana.past_us.put(first["url"], content=HELLO)).status_code == 403


async def test_an_expired_url_is_refused_and_a_fresh_one_works(ana: Caller, scene: Scene) -> None:
    file_id = (await ana.begins(len(HELLO)))["file_id"]
    an_hour_ago = now() - timedelta(hours=1)
    key = (await scene.document(file_id))["upload"]["key"]
    old = scene.storage.upload_url(key, timedelta(minutes=15), an_hour_ago)
    assert (await ana.past_us.put(old, content=HELLO)).status_code == 403
    fresh = (await ana.post(f"/v1/files/{file_id}/parts", {})).json()["upload"]
    assert (await ana.puts(fresh, HELLO)).status_code == 200
    assert (await ana.completes(file_id, HELLO)).status_code == 200


async def test_a_url_for_one_object_is_for_no_other(ana: Caller) -> None:
    one, other = [(await ana.begins(len(HELLO)))["upload"]["url"] for _ in range(2)]
    swapped = urlsplit(one)._replace(path=urlsplit(other).path).geturl()
    assert (await ana.past_us.put(swapped, content=HELLO)).status_code == 403


async def test_who_knows_a_file_by_its_id_gets_no_copy_of_its_bytes(ana: Caller, bo: Caller, scene: Scene) -> None:
    """The store of development copies for whoever may PUT, from wherever they say."""
    file_id = await ana.sends(HELLO)
    begun = await bo.begins(len(HELLO))
    source = {"x-amz-copy-source": f"/{scene.storage._bucket}/staging/{file_id}"}
    upload = {**begun["upload"], "headers": begun["upload"]["headers"] | source}
    assert (await bo.puts(upload, b"other")).status_code == 404
    assert (await bo.completes(begun["file_id"], HELLO)).json()["code"] == "size_mismatch"


async def test_nobody_reads_or_writes_the_store_without_a_signature(ana: Caller, scene: Scene) -> None:
    file_id = (await ana.uploads(HELLO))["file_id"]
    bare = urlsplit((await ana.sees(file_id))["download_url"])._replace(query="").geturl()
    answers = [await ana.past_us.get(bare), await ana.past_us.put(bare, content=b"x"), await ana.past_us.delete(bare)]
    assert [answer.status_code for answer in answers] == [403, 403, 403]


async def test_an_interrupted_upload_goes_on_where_it_was(ana: Caller) -> None:
    content = bytes(LARGE)
    begun = await ana.begins(len(content))
    upload, path = begun["upload"], f"/v1/files/{begun['file_id']}/parts"
    await ana.puts({**upload, "parts": upload["parts"][:3]}, content)
    there = (await ana.get(path)).json()
    assert (there["status"], there["part_size"], there["part_count"]) == ("uploading", 8 * MIB, 9)
    assert [(part["part_number"], part["size"]) for part in there["parts"]] == [(n, 8 * MIB) for n in (1, 2, 3)]
    left = (await ana.post(path, {"part_numbers": [*range(4, 10)]})).json()
    assert [part["part_number"] for part in left["parts"]] == [*range(4, 10)]
    await ana.puts(left, content)
    assert (await ana.completes(begun["file_id"], content)).json()["status"] == "completed"


async def test_of_a_single_piece_one_sees_whether_it_is_there(ana: Caller) -> None:
    begun = await ana.begins(len(HELLO))
    path = f"/v1/files/{begun['file_id']}/parts"
    assert (await ana.get(path)).json()["parts"] == []
    await ana.puts(begun["upload"], HELLO)
    assert [part["size"] for part in (await ana.get(path)).json()["parts"]] == [len(HELLO)]


@pytest.mark.parametrize("body", [{}, {"part_numbers": []}, {"part_numbers": [0]}, {"part_numbers": [10]}])
async def test_part_numbers_must_be_those_of_the_upload(ana: Caller, body: dict[str, object]) -> None:
    file_id = (await ana.begins(LARGE))["file_id"]
    answer = await ana.post(f"/v1/files/{file_id}/parts", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_field")


async def test_after_completion_nothing_is_signed_any_more(ana: Caller) -> None:
    path = f"/v1/files/{(await ana.uploads(HELLO))['file_id']}/parts"
    for answer in (await ana.post(path, {}), await ana.get(path)):
        assert (answer.status_code, answer.json()["code"]) == (409, "not_uploading")


async def test_a_stranger_finds_no_upload(ana: Caller, bo: Caller) -> None:
    file_id = await ana.sends(HELLO)
    path = f"/v1/files/{file_id}/parts"
    answers = [
        await bo.get(path),
        await bo.post(path, {}),
        await bo.completes(file_id, HELLO),
        await bo.get(f"/v1/files/{file_id}"),
        await bo.delete(f"/v1/files/{file_id}"),
    ]
    assert [answer.status_code for answer in answers] == [404] * 5
    assert (await ana.sees(file_id))["status"] == "uploading"


async def test_the_quota_holds_also_against_several_at_once(ana: Caller) -> None:
    answers = await asyncio.gather(*(ana.asks(QUOTA // 4) for _ in range(8)))
    begun = [answer for answer in answers if answer.status_code == 201]
    assert len(begun) <= 4
    assert {answer.json()["code"] for answer in answers if answer not in begun} == {"quota_exceeded"}


async def test_what_is_deleted_or_fails_counts_no_more(ana: Caller) -> None:
    for _ in range(2):
        file_id = (await ana.begins(QUOTA))["file_id"]
        assert (await ana.asks(1)).status_code == 413
        await ana.delete(f"/v1/files/{file_id}")
    failed = (await ana.begins(QUOTA))["file_id"]
    assert (await ana.completes(failed, HELLO)).status_code == 422
    assert (await ana.asks(1)).status_code == 201


async def test_too_many_uploads_under_way_are_refused_for_a_while(ana: Caller) -> None:
    answers = [await ana.asks(1) for _ in range(MAX_OPEN + 1)]
    assert [answer.status_code for answer in answers] == [201] * MAX_OPEN + [429]
    assert answers[-1].headers["retry-after"]
    assert len((await ana.get("/v1/files", limit=200)).json()["items"]) == MAX_OPEN


@pytest.mark.parametrize("size", [1, LARGE])
async def test_what_finds_no_room_leaves_nothing_behind(ana: Caller, scene: Scene, size: int) -> None:
    """Whoever tries again and again fills neither the database nor the store."""
    await ana.begins(QUOTA)
    assert [(await ana.asks(size)).status_code for _ in range(3)] == [413] * 3
    assert await scene.database["files"].count_documents({"owner": ana.name}) == 1


async def test_while_the_store_is_away_a_large_upload_is_refused_politely(ana: Caller, scene: Scene) -> None:
    scene.line.cut()
    answer = await ana.asks(LARGE)
    assert (answer.status_code, answer.json()["code"]) == (503, "s3_unavailable")
    assert answer.headers["retry-after"]
    scene.line.is_cut = False
    assert (await ana.asks(LARGE)).status_code == 201


async def test_readiness_says_that_the_store_is_away(scene: Scene) -> None:
    async def ready() -> httpx.Response:
        return await scene.process.http.get("/health/ready")

    assert (await ready()).status_code == 200
    scene.line.cut()
    answer = await ready()
    assert (answer.status_code, answer.json()["dependencies"].keys()) == (503, {"S3"})


def test_the_examples_of_the_tests_are_told_apart() -> None:
    assert sha256(HELLO) != sha256(b"hell")


@pytest.mark.parametrize(("origin", "is_allowed"), [("https://localhost:8443", True), ("https://evil.example", False)])
async def test_pages_of_the_gateway_alone_may_upload_from_a_browser(ana: Caller, origin: str, is_allowed: bool) -> None:
    upload = (await ana.begins(len(HELLO)))["upload"]
    asked = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type"}
    preflight = await ana.past_us.options(upload["url"], headers={"Origin": origin, **asked})
    assert preflight.headers.get("access-control-allow-origin") == (origin if is_allowed else None)
    answer = await ana.past_us.put(upload["url"], content=HELLO, headers={"Origin": origin, **upload["headers"]})
    assert (answer.headers.get("access-control-allow-origin") == origin) == is_allowed
