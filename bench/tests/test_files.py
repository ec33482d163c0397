"""What the figures of files are made of."""

import hashlib
import os
from pathlib import Path

from bench.files import MB, Figures, Speed, forget_peak, markdown, memory_mib, sha256sums, write_random

SPEED = Speed(200.0, {"files": 1.0, "s3": 5.5})


def test_bytes_are_written_as_they_are_hashed(tmp_path: Path) -> None:
    path = tmp_path / "bytes"
    assert write_random(path, 2) == hashlib.sha256(path.read_bytes()).hexdigest()
    assert path.stat().st_size == 2 * MB


async def test_sums_are_taken_of_the_same_bytes(tmp_path: Path) -> None:
    path = tmp_path / "bytes"
    write_random(path, 1)
    assert await sha256sums(path, MB, 2) > 0


def test_a_peak_is_forgotten_and_grows_again() -> None:
    own = os.getpid()
    forget_peak(own)
    before = memory_mib(own, "VmHWM")
    much = b"x" * (64 * MB)
    assert memory_mib(own, "VmHWM") > before + 50
    del much


def test_the_table_shows_files_beside_sums() -> None:
    figures = Figures(100, 10, SPEED, SPEED, 1200.0, SPEED, 440.0, 650.0, 110.0, 115.0)
    lines = markdown(figures).splitlines()
    assert "| `sha256sum` of the same | 440 |  |" in lines
    assert "| 10 of 100 MB at once, completed | 200 | files 1.00, s3 5.50 |" in lines
    assert lines[-1] == "Memory of files: 110 MiB before, 115 MiB at most."
