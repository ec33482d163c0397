"""An operator looks at what is in quarantine, releases it or deletes it, on the machine itself."""

import asyncio
import json
from datetime import timedelta

import pytest
from typer.testing import CliRunner, Result

from conftest import Stack
from libs.common.clock import new_id, now
from services.files.admin import app
from services.files.handlers.quarantine import Quarantine
from services.files.scanners import Verdict
from services.files.tests.conftest import Caller, Scene, a_process
from services.files.tests.test_scanning import Says

HELLO = b"hello"
AN_HOUR = timedelta(hours=1)


@pytest.fixture
async def infected(scene: Scene, ana: Caller) -> str:
    """The id of a file of ana's in quarantine, tidied up after."""
    scanner = Says(Verdict(clean=False, signature="Worm-1"))
    async with a_process(scene.database, scene.storage, scene.outbox, scanner=scanner) as process:
        file_id = await ana.sends(HELLO)
        assert (await scene.user("ana", process).completes(file_id, HELLO)).status_code == 422
        await scene.told(file_id)
        await scene.tidied(file_id)
    return file_id


@pytest.fixture
def quarantine(scene: Scene) -> Quarantine:
    return Quarantine(scene.process.store, scene.storage)


async def test_a_released_file_is_a_file_like_others(
    scene: Scene, ana: Caller, infected: str, quarantine: Quarantine
) -> None:
    assert await quarantine.release(infected)
    await scene.process.recovery.tell(now() + AN_HOUR)
    await scene.process.recovery.tidy(now() + AN_HOUR)
    file = await ana.sees(infected)
    assert (file["status"], file["scan"]["verdict"], file["scan"]["signature"]) == ("completed", "released", "Worm-1")
    assert "error" not in file
    assert (await ana.downloads(infected)).content == HELLO
    assert (await ana.completes(infected, HELLO)).status_code == 200
    assert [event.status for event in await scene.told(infected)] == ["quarantined", "completed"]
    assert await scene.keys() == [(await scene.document(infected))["key"]]


async def test_a_release_that_a_crash_cut_off_leaves_nothing_behind(
    scene: Scene, infected: str, quarantine: Quarantine
) -> None:
    await scene.process.store.note_release(infected, f"files/{infected}/half", now())
    await scene.storage.copy(f"quarantine/{infected}", f"files/{infected}/half", "text/plain")
    await scene.process.recovery.tidy(now() + AN_HOUR)
    assert await scene.keys() == [f"quarantine/{infected}"]
    assert await quarantine.release(infected)


async def test_a_deleted_file_is_gone_with_its_bytes(
    scene: Scene, ana: Caller, infected: str, quarantine: Quarantine
) -> None:
    assert await quarantine.delete(infected)
    assert (await ana.get(f"/v1/files/{infected}")).status_code == 404
    await scene.process.recovery.tidy(now() + AN_HOUR)
    assert await scene.keys() == []


async def test_only_what_is_in_quarantine_is_touched(scene: Scene, ana: Caller, quarantine: Quarantine) -> None:
    clean = (await ana.uploads(HELLO))["file_id"]
    before = await scene.tidied(clean)
    for file_id in (clean, new_id(), ""):
        assert await quarantine.release(file_id) is None
        assert await quarantine.delete(file_id) is None
    assert await scene.document(clean) == before
    assert await quarantine.files(10) == []


async def run(scene: Scene, stack: Stack, *words: str) -> Result:
    environment = {
        "PARLEY_SETTINGS": str(stack.state / "parley.env"),
        "PARLEY_MONGO_DATABASE": scene.database.name,
        "PARLEY_S3_BUCKET": scene.storage._bucket,
    }
    return await asyncio.to_thread(CliRunner().invoke, app, ["quarantine", *words], env=environment)


async def test_an_operator_sees_and_releases_on_the_command_line(
    scene: Scene, ana: Caller, stack: Stack, infected: str
) -> None:
    [item] = json.loads((await run(scene, stack, "list", "--json")).output)["items"]
    assert (item["file_id"], item["owner"], item["signature"]) == (infected, ana.name, "Worm-1")
    assert item["key"] == f"quarantine/{infected}"
    assert infected in (await run(scene, stack, "list")).output
    done = await run(scene, stack, "release", infected)
    assert (done.exit_code, done.output) == (0, f"a.bin of {ana.name} is released.\n")
    assert (await ana.sees(infected))["status"] == "completed"
    assert (await run(scene, stack, "list")).output == "Nothing is in quarantine.\n"
    again = await run(scene, stack, "delete", infected)
    assert (again.exit_code, "no file" in again.output) == (1, True)


async def test_without_the_platform_it_says_so(scene: Scene) -> None:
    environment = {"PARLEY_SETTINGS": "", "PARLEY_MONGO": "mongodb://127.0.0.1:1/"}
    done = await asyncio.to_thread(CliRunner().invoke, app, ["quarantine", "list"], env=environment)
    assert (done.exit_code, "is the platform up" in done.output) == (2, True)
