"""With a scanner nobody has a file before it is clean; here the test says what the scanner says."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

from libs.common.clock import now
from libs.common.errors import Unavailable
from services.files.scanners import ScanRefused, Verdict
from services.files.tests.conftest import Caller, Process, Scene, a_process

HELLO = b"hello"
A_MINUTE = timedelta(minutes=1)


@dataclass
class Says:
    """A scanner that has read everything, and finds what it is told to."""

    verdict: Verdict | Exception
    name: str = "a test"
    seen: bytes = b""

    async def scan(self, chunks: AsyncIterator[bytes], size: int) -> Verdict:
        self.seen = b"".join([chunk async for chunk in chunks])
        assert len(self.seen) == size
        if isinstance(self.verdict, Exception):
            raise self.verdict
        return self.verdict

    async def check(self) -> None:
        """It is always there."""


async def completed_by(scene: Scene, process: Process) -> tuple[Caller, str, int, dict[str, object]]:
    ana = scene.user("ana", process)
    file_id = await ana.sends(HELLO)
    answer = await ana.completes(file_id, HELLO)
    return ana, file_id, answer.status_code, answer.json()


async def test_a_clean_file_is_completed_and_says_who_looked(scene: Scene) -> None:
    scanner = Says(Verdict(clean=True))
    async with a_process(scene.database, scene.storage, scene.outbox, scanner=scanner) as process:
        ana, file_id, status, file = await completed_by(scene, process)
        assert (status, file["status"]) == (200, "completed")
        assert (await ana.sees(file_id))["scan"] | {"at": ""} == {"scanner": "a test", "verdict": "clean", "at": ""}
        assert scanner.seen == HELLO


async def test_an_infected_file_is_kept_away_from_everybody(scene: Scene) -> None:
    scanner = Says(Verdict(clean=False, signature="Eicar"))
    async with a_process(scene.database, scene.storage, scene.outbox, scanner=scanner) as process:
        ana, file_id, status, problem = await completed_by(scene, process)
        assert (status, problem["code"]) == (422, "file_infected")
        assert (await ana.completes(file_id, HELLO)).json()["code"] == "file_infected"
        file = await ana.sees(file_id)
        assert (file["status"], file["scan"]["signature"]) == ("quarantined", "Eicar")
        assert "download_url" not in file
        await scene.tidied(file_id)
        assert await scene.keys() == [f"quarantine/{file_id}"]
        assert [event.status for event in await scene.told(file_id)] == ["quarantined"]


async def test_while_the_scanner_is_away_the_file_waits(scene: Scene) -> None:
    scanner = Says(Unavailable("scanner", "a test has it so"))
    async with a_process(scene.database, scene.storage, scene.outbox, scanner=scanner) as process:
        ana, file_id, status, problem = await completed_by(scene, process)
        assert (status, problem["code"]) == (503, "scanner_unavailable")
        file = await ana.sees(file_id)
        assert (file["status"], "download_url" in file) == ("scanning", False)
        scanner.verdict = Verdict(clean=True)
        await process.recovery.take_up(now() + A_MINUTE)
        assert (await scene.ended(file_id))["status"] == "completed"


async def test_a_file_that_the_scanner_does_not_take_fails(scene: Scene) -> None:
    scanner = Says(ScanRefused("It is too large."))
    async with a_process(scene.database, scene.storage, scene.outbox, scanner=scanner) as process:
        ana, file_id, status, problem = await completed_by(scene, process)
        assert (status, problem["code"], problem["detail"]) == (422, "scan_refused", "It is too large.")
        assert (await ana.sees(file_id))["status"] == "failed"
        await scene.tidied(file_id)
        assert await scene.keys() == []
