"""`python -m bench.files`: how fast large files are verified, beside `sha256sum` on the same bytes, and in what memory.

A file is completed when the store has put its parts together, and the service has read and hashed the whole.
"""

import asyncio
import hashlib
import os
import secrets
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import httpx
import typer
import uvloop

from bench import stack
from bench.cli import FAILED, Url, own_gateway, said
from bench.load import clock
from bench.program import program
from clients.parley import ParleyClient
from clients.parley.settings import setting

MB = 1_000_000
MIB = 1024 * 1024
BLOCK = 1 * MIB
GOAL_MIB = 200
PATIENCE_S = 300.0
OCTETS = "application/octet-stream"
COUNTED = ("parley_files_read_bytes_total", "parley_files_read_seconds_total")
DEFAULT_PORT = "8206"
SHOWN = ("files", "s3", "mongo", "nginx")


class Speed(NamedTuple):
    """MB per second from asking for it to the answer, all files together, and CPU of each process in s per GB."""

    mb_per_s: float
    cpu_s_per_gb: dict[str, float]


class Figures(NamedTuple):
    """`uploaded` is what the service used for all bytes on their way up; memory of the service in MiB."""

    megabytes: int
    at_once: int
    uploaded: Speed
    alone: Speed
    read_alone: float
    together: Speed
    sum_alone: float
    sum_together: float
    rss_before_mib: float
    peak_mib: float


class Uploader:
    """Sends the same bytes as file after file, by the URLs that it is given."""

    def __init__(self, url: str, token: str, path: Path, sha256: str) -> None:
        self._api = httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE_S, verify=False  # noqa: S501
        )  # fmt: skip
        self._metrics = f"http://127.0.0.1:{setting('PARLEY_FILES_PORT', os.environ) or DEFAULT_PORT}/metrics"
        self._past_it = httpx.AsyncClient(timeout=PATIENCE_S)
        self._path = path
        self.size = path.stat().st_size
        self._sha256 = sha256

    async def upload(self) -> str:
        """The file_id of what is there and not completed yet."""
        asked = {"filename": "bench", "size": self.size, "content_type": OCTETS}
        begun = await self._post("/v1/files/initiate", asked)
        upload = begun["upload"]
        with self._path.open("rb") as file:
            for part in upload.get("parts") or [upload]:
                content = file.read(upload.get("part_size", self.size))
                (await self._past_it.put(part["url"], content=content)).raise_for_status()
        return str(begun["file_id"])

    async def complete(self, file_id: str) -> None:
        """Raises `RuntimeError` where it does not become a file."""
        body = {"file_id": file_id, "sha256": self._sha256}
        while (file := await self._post("/v1/files/complete", body))["status"] in ("verifying", "scanning"):
            pass
        if file["status"] != "completed":
            raise RuntimeError(f"a file is {file['status']}")

    async def delete(self, file_id: str) -> None:
        (await self._api.delete(f"/v1/files/{file_id}")).raise_for_status()

    async def read(self) -> tuple[float, float]:
        """(bytes, seconds): what the service has read of all files until now, and how long that took."""
        lines = (await self._past_it.get(self._metrics)).raise_for_status().text.splitlines()
        counted = {name: float(value) for name, _, value in (line.partition(" ") for line in lines) if name in COUNTED}
        return counted[COUNTED[0]], counted[COUNTED[1]]

    async def close(self) -> None:
        await self._api.aclose()
        await self._past_it.aclose()

    async def _post(self, path: str, body: object) -> dict[str, Any]:
        answer: dict[str, Any] = (await self._api.post(path, json=body)).raise_for_status().json()
        return answer


async def measure(uploader: Uploader, path: Path, at_once: int, pids: dict[str, int]) -> Figures:
    megabytes = uploader.size // MB
    before_mib = memory_mib(pids["files"], "VmRSS")
    forget_peak(pids["files"])
    uploaded = await _timed([uploader.upload()], megabytes, pids)
    first, speed = uploaded[0][0], uploaded[1]
    before = await uploader.read()
    _, alone = await _timed([uploader.complete(first)], megabytes, pids)
    read, seconds = (now - then for now, then in zip(await uploader.read(), before, strict=True))
    file_ids = [await uploader.upload() for _ in range(at_once)]
    _, together = await _timed([uploader.complete(one) for one in file_ids], megabytes, pids)
    peak_mib = memory_mib(pids["files"], "VmHWM")
    for file_id in (first, *file_ids):
        await uploader.delete(file_id)
    sums = [await sha256sums(path, uploader.size, count) for count in (1, at_once)]
    read_alone = read / MB / seconds
    return Figures(megabytes, at_once, speed, alone, read_alone, together, sums[0], sums[1], before_mib, peak_mib)


async def _timed(work: Sequence[Any], megabytes: int, pids: dict[str, int]) -> tuple[list[Any], Speed]:
    before, begin = stack.snapshot(pids), clock()
    done = await asyncio.gather(*work)
    took_s, after = clock() - begin, stack.snapshot(pids)
    total = megabytes * len(work)
    spent = {name: after.by_name[name].cpu_s - before.by_name[name].cpu_s for name in SHOWN}
    return done, Speed(total / took_s, {name: 1000 * cpu_s / total for name, cpu_s in spent.items()})


async def sha256sums(path: Path, size: int, at_once: int) -> float:
    """MB per second of so many `sha256sum` at once, on a file that the kernel has in memory."""
    begin = clock()
    sums = [
        await asyncio.create_subprocess_exec("sha256sum", str(path), stdout=asyncio.subprocess.DEVNULL)
        for _ in range(at_once)
    ]
    await asyncio.gather(*(one.wait() for one in sums))
    return at_once * size / MB / (clock() - begin)


def memory_mib(pid: int, what: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{what}:")) / 1024


def forget_peak(pid: int) -> None:
    """What it had before is no matter of these files (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def markdown(figures: Figures) -> str:
    def row(*cells: str) -> str:
        return f"| {' | '.join(cells)} |"

    def cpu(speed: Speed) -> str:
        return ", ".join(f"{name} {cpu_s:.2f}" for name, cpu_s in speed.cpu_s_per_gb.items())

    each, many = f"{figures.megabytes} MB", f"{figures.at_once} of {figures.megabytes} MB at once"
    return "\n".join(
        [
            row("", "MB/s", "CPU in s per GB"),
            row("---", "---:", "---"),
            row(f"{each}, on its way up", f"{figures.uploaded.mb_per_s:.0f}", cpu(figures.uploaded)),
            row(f"{each}, completed", f"{figures.alone.mb_per_s:.0f}", cpu(figures.alone)),
            row("… of that, read and hashed", f"{figures.read_alone:.0f}", ""),
            row("`sha256sum` of the same", f"{figures.sum_alone:.0f}", ""),
            row(f"{many}, completed", f"{figures.together.mb_per_s:.0f}", cpu(figures.together)),
            row("as many `sha256sum` at once", f"{figures.sum_together:.0f}", ""),
            "",
            f"Memory of files: {figures.rss_before_mib:.0f} MiB before, {figures.peak_mib:.0f} MiB at most.",
        ]
    )


def write_random(path: Path, megabytes: int) -> str:
    """Its SHA-256."""
    sha256, left = hashlib.sha256(), megabytes * MB
    with path.open("wb") as file:
        while left:
            block = secrets.token_bytes(min(BLOCK, left))
            file.write(block)
            sha256.update(block)
            left -= len(block)
    return sha256.hexdigest()


async def _run(url: str, megabytes: int, at_once: int, folder: Path) -> Figures:
    pids = await asyncio.to_thread(stack.pids)
    path = folder / "bench"
    sha256 = await asyncio.to_thread(write_random, path, megabytes)
    async with ParleyClient(url, deadline_s=60) as client:
        username, password = f"bench-{secrets.token_hex(6)}", secrets.token_urlsafe(12)
        await client.register(username, password)
        token = (await client.log_in(username, password)).access_token
    uploader = Uploader(url, token, path, sha256)
    try:
        return await measure(uploader, path, at_once, pids)
    finally:
        await uploader.close()


def main(
    megabytes: Annotated[int, typer.Option(min=1, max=2000, help="Size of each file.")] = 100,
    at_once: Annotated[int, typer.Option(min=1, max=90, help="Files that are verified at the same time.")] = 10,
    url: Url = None,
) -> None:
    """Measure what it costs to verify large files."""
    where = own_gateway(url)
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        figures = uvloop.run(_run(where, megabytes, at_once, Path(folder)))
    typer.echo(markdown(figures))
    if figures.peak_mib > GOAL_MIB:
        said.print(f"more than {GOAL_MIB} MiB of memory", style="red")
        raise typer.Exit(FAILED)


if __name__ == "__main__":
    program(main)()
