"""The project's virtual environment: made from requirements.lock, and made again when the lock changes."""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path

from deploy.local import pythons, shell
from deploy.local.places import Places
from deploy.local.say import Trouble

STAMP = "made-from"


def wanted(places: Places) -> str:
    return hashlib.sha256((places.root / "requirements.lock").read_bytes()).hexdigest()


def is_made(places: Places) -> bool:
    stamp = places.venv / STAMP
    return stamp.is_file() and stamp.read_text() == wanted(places) and places.python.exists()


def is_running_in(places: Places) -> bool:
    return Path(sys.prefix).resolve() == places.venv.resolve()


def make(places: Places) -> None:
    """Builds beside the old one and swaps a symbolic link, so that a stack that runs keeps a whole environment."""
    python = pythons.best()
    if python is None:
        raise Trouble(pythons.why_none())
    folder = places.cache / f"venv-{wanted(places)[:12]}"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        _fill(python, folder, places.root / "requirements.lock")
        (folder / STAMP).write_text(wanted(places))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    _point(places.venv, folder)


def _fill(python: str, folder: Path, lock: Path) -> None:
    shell.run([python, "-m", "venv", "--clear", str(folder)])
    shell.run([
        str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
        "--retries", "2", "--no-deps", "--require-hashes", "-r", str(lock),
    ])  # fmt: skip


def _point(link: Path, folder: Path) -> None:
    if link.is_dir() and not link.is_symlink():
        link.rename(link.with_name("venv-before"))
    before = link.resolve()
    fresh = link.with_name("venv-link")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(folder.name)
    fresh.replace(link)
    for old in link.parent.glob("venv-*"):
        if old not in (folder, before):
            shutil.rmtree(old, ignore_errors=True)
