"""Files that people on platforms send: taken over by an internal call, once, and files like any other from then on."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from libs.common.clock import new_id
from libs.common.storage_reading import Missing
from services.files.handlers.arriving import MOST_BYTES
from services.files.scanners import Verdict
from services.files.tests.conftest import INTERNAL, Caller, Json, Scene, a_process, sha256
from services.files.tests.test_scanning import Says

TEA = "telegram:42"
MENU = b"soup, bread, tea\n" * 1000


class Router:
    """Who calls, with a message that brings a file."""

    def __init__(self, inside: httpx.AsyncClient) -> None:
        self.inside = inside
        self.message = new_id()

    async def puts(
        self, content: bytes | AsyncIterator[bytes], *, token: str = INTERNAL, length: str = "", **said: str
    ) -> httpx.Response:
        described = {
            "owner": TEA,
            "conversation_id": new_id(),
            "filename": "menu.txt",
            "content_type": "text/plain",
            "sha256": sha256(MENU),
            **said,
        }
        headers = {"authorization": f"Bearer {token}", "content-length": length or str(len(MENU))}
        return await self.inside.put(self._path, params=described, content=content, headers=headers)

    async def gives(self, content: bytes, **said: str) -> Json:
        answer = await self.puts(content, **said)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def asks(self, token: str = INTERNAL) -> httpx.Response:
        return await self.inside.get(self._path, headers={"authorization": f"Bearer {token}"})

    async def forgets(self, token: str = INTERNAL) -> httpx.Response:
        return await self.inside.delete(self._path, headers={"authorization": f"Bearer {token}"})

    @property
    def _path(self) -> str:
        return f"/internal/files/{self.message}"


@pytest.fixture
def router(scene: Scene) -> Router:
    return Router(scene.process.inside)


async def test_its_bytes_become_a_file_of_who_sent_it(scene: Scene, router: Router) -> None:
    taken = await router.gives(MENU, filename="../mittags/menü.txt")
    assert taken == {
        "file_id": taken["file_id"],
        "status": "completed",
        "filename": "menü.txt",
        "size": len(MENU),
        "content_type": "text/plain",
        "sha256": sha256(MENU),
    }
    document = await scene.document(taken["file_id"])
    assert (document["owner"], document["detected_type"]) == (TEA, "text/plain")
    (event,) = await scene.told(taken["file_id"])
    assert (event.status, event.owner, event.sha256) == ("completed", TEA, sha256(MENU))


async def test_members_of_where_it_was_sent_download_it_and_others_do_not(
    scene: Scene, router: Router, ana: Caller, bo: Caller
) -> None:
    taken = await router.gives(MENU)
    await scene.shares(taken["file_id"], ana)
    assert (await ana.downloads(taken["file_id"])).content == MENU
    assert (await bo.get(f"/v1/files/{taken['file_id']}")).status_code == 404


async def test_the_same_message_brings_the_same_file_however_often_and_at_once(scene: Scene, router: Router) -> None:
    found = await asyncio.gather(*(router.gives(MENU) for _ in range(3)))
    assert found[0] == found[1] == found[2] == await router.gives(MENU)
    assert (await router.asks()).json() == found[0]
    assert await scene.database["files"].count_documents({"owner": TEA}) == 1


async def test_what_broke_off_is_not_there_yet_and_is_taken_the_next_time(scene: Scene, router: Router) -> None:
    async def half() -> AsyncIterator[bytes]:
        yield MENU[:100]
        raise ConnectionError("the router was killed")

    assert (await router.puts(half())).status_code == 503
    assert (await router.asks()).status_code == 404
    taken = await router.gives(MENU)
    assert taken["status"] == "completed"
    assert await scene.database["files"].count_documents({"owner": TEA}) == 1


async def test_a_program_that_died_while_it_verified_is_no_matter(scene: Scene, router: Router) -> None:
    scene.line.cut()
    assert (await router.puts(MENU)).status_code == 503
    scene.line.is_cut = False
    async with a_process(scene.database, scene.storage, scene.outbox) as another:
        router.inside = another.inside
        assert (await router.gives(MENU))["sha256"] == sha256(MENU)


async def test_a_type_that_is_not_taken_is_refused_and_leaves_nothing(scene: Scene, router: Router) -> None:
    answer = await router.puts(MENU, content_type="text/html")
    assert (answer.status_code, answer.json()["code"]) == (422, "content_type_not_allowed")
    assert await scene.database["files"].count_documents({"owner": TEA}) == 0


async def test_what_is_no_type_at_all_is_plain_bytes(router: Router) -> None:
    assert (await router.gives(MENU, content_type="???"))["content_type"] == "application/octet-stream"


async def test_who_has_used_up_their_room_gets_no_more(scene: Scene, router: Router) -> None:
    first = await router.gives(MENU)
    await scene.change(first["file_id"], size=2048 * 1024 * 1024)
    router.message = new_id()
    answer = await router.puts(MENU)
    assert (answer.status_code, answer.json()["code"]) == (413, "quota_exceeded")


async def test_more_than_is_taken_over_in_one_piece_is_refused(router: Router) -> None:
    answer = await router.puts(MENU, length=str(MOST_BYTES + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_what_is_infected_is_nobodys(scene: Scene, router: Router) -> None:
    scanner = Says(Verdict(clean=False, signature="Eicar"))
    async with a_process(scene.database, scene.storage, scene.outbox, scanner=scanner) as process:
        router.inside = process.inside
        answer = await router.puts(MENU)
        again = (await router.asks()).json()
    assert (answer.status_code, answer.json()["code"]) == (422, "file_infected")
    assert (again["status"], again["error"]["code"]) == ("quarantined", "file_infected")


async def test_one_that_its_owner_has_deleted_stays_deleted(scene: Scene, router: Router, ana: Caller) -> None:
    taken = await router.gives(MENU, owner=ana.name)
    assert (await ana.delete(f"/v1/files/{taken['file_id']}")).status_code == 204
    answer = await router.puts(MENU, owner=ana.name)
    assert (answer.status_code, answer.json()["code"]) == (422, "file_deleted")


async def test_what_was_taken_back_is_gone_with_its_bytes_and_does_not_come_again(scene: Scene, router: Router) -> None:
    taken = await router.gives(MENU)
    key = (await scene.document(taken["file_id"]))["key"]
    assert [(await router.forgets()).status_code for _ in range(2)] == [204, 204]
    assert (await router.puts(MENU)).json()["code"] == "file_deleted"
    with pytest.raises(Missing):
        await anext(scene.storage.read_object(key))


async def test_what_never_came_may_be_taken_back_too(router: Router) -> None:
    assert (await router.forgets()).status_code == 204
    assert (await router.forgets("another")).status_code == 401


@pytest.mark.parametrize("token", ["", "another"])
async def test_who_is_no_service_of_ours_gets_nothing(scene: Scene, router: Router, token: str) -> None:
    put, asked = await router.puts(MENU, token=token), await router.asks(token)
    assert [(a.status_code, a.json()["code"]) for a in (put, asked)] == [(401, "unauthenticated")] * 2
    assert await scene.database["files"].count_documents({"owner": TEA}) == 0


async def test_the_door_of_people_does_not_know_the_call(router: Router, ana: Caller) -> None:
    path = f"/internal/files/{router.message}"
    assert (await ana.http.get(path, headers={"authorization": f"Bearer {INTERNAL}"})).status_code == 404
