"""Fetches clamd and c-icap as Debian packages into the cache: for tests alone, so whoever needs them asks for them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from deploy.local import shell
from deploy.local.fetch import debian
from deploy.local.places import Places

PROGRAMS = ("clamav-daemon", "c-icap", "libc-icap-mod-virus-scan")


def root(places: Places) -> Path:
    return places.cache / "scanners"


def are_here(places: Places) -> bool:
    return (root(places) / debian.LIST).is_file()


def fetch(places: Places, scratch: Path) -> int:
    """Size of the archives in bytes: 7 MB. The signatures that come with none of them, 300 MB, are not fetched."""
    try:
        debian.download(scratch, PROGRAMS, _libraries)
    except shell.Failed as failure:
        raise shell.explain("the scanners", failure, places.cache / "fetch-scanners.log") from None
    return debian.unpack(scratch, root(places))


def _libraries(environment: dict[str, str]) -> Iterable[str]:
    """Of what an installation would bring: no updater of signatures, no rotation of logs."""
    return [name for name in debian.needed_by(PROGRAMS)(environment) if name.startswith("lib")]
