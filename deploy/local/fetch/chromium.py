"""Chromium, for tests of pages alone: this system's where there is one, else Debian's packages in the cache."""

from __future__ import annotations

import shutil
from pathlib import Path

from deploy.local import shell
from deploy.local.fetch import debian
from deploy.local.places import Places

PROGRAMS = ("chromium", "chromium-common", "fonts-dejavu-core")
NAME = "chromium"


def program(places: Places) -> Path:
    """The system's own is a script that starts it as its packagers mean; the unpacked one is started as it is."""
    installed = shutil.which(NAME)
    return Path(installed) if installed else root(places) / "usr/lib/chromium/chromium"


def environment(places: Places) -> dict[str, str]:
    """What it needs beside that of the caller."""
    if shutil.which(NAME):
        return {}
    return {"LD_LIBRARY_PATH": ":".join(map(str, debian.libraries_in(root(places))))}


def root(places: Places) -> Path:
    return places.cache / NAME


def is_here(places: Places) -> bool:
    return program(places).is_file()


def fetch(places: Places, scratch: Path) -> int:
    """Size of the archives in bytes: about 100 MB."""
    try:
        debian.download(scratch, PROGRAMS, debian.needed_by(PROGRAMS))
    except shell.Failed as failure:
        raise shell.explain("Chromium", failure, places.cache / "fetch-chromium.log") from None
    return debian.unpack(scratch, root(places))
