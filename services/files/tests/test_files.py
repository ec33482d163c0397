"""Files that are there: who sees them, one's own list, and that what is deleted is gone."""

import pytest

from libs.common.clock import new_id
from services.files.tests.conftest import Caller, Scene

HELLO = b"hello"


async def test_whoever_it_was_sent_to_may_download_it_and_nobody_else(ana: Caller, bo: Caller, scene: Scene) -> None:
    file_id = (await ana.uploads(HELLO))["file_id"]
    mallory = scene.user("mallory")
    assert (await bo.get(f"/v1/files/{file_id}")).status_code == 404
    await scene.shares(file_id, ana, bo)
    assert (await bo.downloads(file_id)).content == HELLO
    assert (await mallory.get(f"/v1/files/{file_id}")).status_code == 404
    assert (await bo.delete(f"/v1/files/{file_id}")).status_code == 404


@pytest.mark.parametrize("file_id", ["abc", "..", "0" * 36])
async def test_what_is_no_id_is_not_there(ana: Caller, file_id: str) -> None:
    assert (await ana.get(f"/v1/files/{file_id}")).status_code == 404


async def test_an_unknown_file_is_not_there(ana: Caller) -> None:
    assert (await ana.get(f"/v1/files/{new_id()}")).status_code == 404


async def test_ones_own_files_are_listed_newest_first_page_by_page(ana: Caller, bo: Caller) -> None:
    files = [(await ana.begins(1))["file_id"] for _ in range(5)]
    await bo.begins(1)
    seen: list[str] = []
    cursor: dict[str, object] = {}
    while True:
        page = (await ana.get("/v1/files", limit=2, **cursor)).json()
        seen += [item["file_id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == files[::-1]


@pytest.mark.parametrize("query", [{"cursor": "abc"}, {"limit": 0}, {"limit": 201}])
async def test_a_page_that_there_is_not_is_refused(ana: Caller, query: dict[str, object]) -> None:
    assert (await ana.get("/v1/files", **query)).status_code == 422


async def test_a_deleted_file_is_gone_for_everybody(ana: Caller, bo: Caller, scene: Scene) -> None:
    file_id = (await ana.uploads(HELLO))["file_id"]
    await scene.shares(file_id, ana, bo)
    url = (await bo.sees(file_id))["download_url"]
    assert (await ana.delete(f"/v1/files/{file_id}")).status_code == 204
    assert [(await person.get(f"/v1/files/{file_id}")).status_code for person in (ana, bo)] == [404, 404]
    assert (await bo.past_us.get(url)).status_code == 404
    assert (await ana.get("/v1/files")).json()["items"] == []
    assert (await ana.delete(f"/v1/files/{file_id}")).status_code == 404


async def test_thumbnails_are_shown_with_urls_and_are_lost_with_the_file(ana: Caller, scene: Scene) -> None:
    file_id = (await ana.uploads(HELLO, filename="cat.png"))["file_id"]
    key = f"thumbnails/{file_id}/320"
    await scene.storage.put_object(key, b"small", "image/webp")
    thumbnail = {"width": 320, "height": 200, "content_type": "image/webp", "size": 5, "key": key}
    assert await scene.process.store.add_thumbnails(file_id, [thumbnail])
    [shown] = (await ana.sees(file_id))["thumbnails"]
    assert shown.keys() == {"width", "height", "content_type", "size", "url"}
    assert (await ana.past_us.get(shown["url"])).content == b"small"
    await ana.delete(f"/v1/files/{file_id}")
    assert await scene.keys() == []
    assert not await scene.process.store.add_thumbnails(file_id, [thumbnail])
