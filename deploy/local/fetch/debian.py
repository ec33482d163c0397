"""Fetches Debian packages by the system's own apt sources and unpacks them into the cache: nothing is installed.

The archive keeps one version of each, so they cannot be pinned; apt's signatures vouch for them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local import shell
from deploy.local.places import Places
from deploy.local.say import Trouble

SERVERS = ("nginx", "redis-server", "redis-tools", "etcd-server")
LIBRARIES = ("libcurl4",)  # for mongod, which comes without dependencies
OLD_SSL = "libssl1.1"  # for mongod too; Debian 11 had it last, so it comes from that release's security suite
OLD_RELEASE = "bullseye-security"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
LIST = "packages.txt"
SETTINGS = """\
Dir::State::lists "{home}/lists";
Dir::Cache "{home}/cache";
APT::Sandbox::User "";
APT::Get::AllowUnauthenticated "false";
Acquire::Retries "2";
Acquire::Languages "none";
Debug::NoLocking "1";
"""
ONE_SOURCE = 'Dir::Etc::sourcelist "{home}/sources.list";\nDir::Etc::sourceparts "/dev/null";\n'


def are_here(places: Places) -> bool:
    return (places.debs / LIST).is_file()


def libraries(places: Places) -> list[Path]:
    return libraries_in(places.debs)


def libraries_in(root: Path) -> list[Path]:
    """The folders of unpacked packages that LD_LIBRARY_PATH must name."""
    patterns = ("usr/lib/*-linux-gnu", "lib/*-linux-gnu", "usr/lib/*-linux-gnu/pulseaudio")  # libpulse has a part there
    return [folder for pattern in patterns for folder in root.glob(pattern)]


def to_be_installed(simulation: str) -> list[str]:
    """Packages that `apt-get -s install` would add; those it would only upgrade are on the system already."""
    return re.findall(r"^Inst (\S+) \(", simulation, flags=re.MULTILINE)


def security_archive(targets: Iterable[str]) -> str | None:
    """The mirror that this system takes its security updates from."""
    found = (line.partition("|") for line in targets)
    return next((uri for label, _, uri in found if label == "Debian-Security"), None)


def fetch(places: Places, scratch: Path) -> int:
    """Size of the archives in bytes."""
    try:
        system = download(scratch, SERVERS, needed_by((*SERVERS, *LIBRARIES)))
        _download_old_ssl(scratch, system)
    except shell.Failed as failure:
        raise shell.explain("Debian packages", failure, places.cache / "fetch-debian.log") from None
    return unpack(scratch, places.debs)


def unpack(scratch: Path, kept: Path) -> int:
    """All archives in `scratch`, whole or not at all; their size in bytes."""
    archives = sorted(scratch.glob("*.deb"))
    root = scratch / "root"
    for archive in archives:
        shell.run(["dpkg", "-x", str(archive), str(root)])
    names = [archive.stem.replace("%3a", ":").rsplit("_", 1)[0].replace("_", " ") for archive in archives]
    (root / LIST).write_text("\n".join(sorted(names)) + "\n")
    root.rename(kept)
    return sum(archive.stat().st_size for archive in archives)


def needed_by(packages: Iterable[str]) -> Callable[[dict[str, str]], list[str]]:
    """Asks apt what they need that this system has not."""

    def ask(environment: dict[str, str]) -> list[str]:
        simulation = shell.run(["apt-get", "-s", "--no-install-recommends", "install", *packages], env=environment)
        return to_be_installed(simulation)

    return ask


def download(scratch: Path, packages: Iterable[str], more: Callable[[dict[str, str]], Iterable[str]]) -> dict[str, str]:
    """The environment in which apt is asked. Raises `shell.Failed`."""
    environment = _private_state(scratch / "apt", "")
    with _updated(environment):
        wanted = sorted({*packages, *more(environment)})
        shell.run(["apt-get", "-qq", "download", *wanted], env=environment, cwd=scratch)
    return environment


def _download_old_ssl(scratch: Path, system: dict[str, str]) -> None:
    targets = shell.run(["apt-get", "indextargets", "--format", "$(LABEL)|$(REPO_URI)"], env=system)
    mirror = security_archive(targets.splitlines())
    if mirror is None or not KEYRING.exists():
        raise Trouble(f"mongod needs {OLD_SSL} of Debian's security archive, and apt's sources here name none")
    environment = _private_state(scratch / "apt-old", ONE_SOURCE)
    source = f"deb [signed-by={KEYRING}] {mirror} {OLD_RELEASE} main\n"
    (scratch / "apt-old" / "sources.list").write_text(source)
    with _updated(environment):
        shell.run(["apt-get", "-qq", "download", OLD_SSL], env=environment, cwd=scratch)


def _private_state(home: Path, sources: str) -> dict[str, str]:
    """An apt of our own: it reads the system's sources and keys, and writes only here, as any user."""
    for folder in ("lists/partial", "cache/archives/partial"):
        (home / folder).mkdir(parents=True)
    (home / "apt.conf").write_text((SETTINGS + sources).format(home=home))
    return {**os.environ, "APT_CONFIG": str(home / "apt.conf"), "LC_ALL": "C"}


@contextmanager
def _updated(environment: dict[str, str]) -> Iterator[None]:
    """Some other source of this machine may be broken: it matters only if what we ask for is then not to be had."""
    complaint = ""
    try:
        shell.run(["apt-get", "-qq", "-o", "APT::Update::Error-Mode=any", "update"], env=environment)
    except shell.Failed as failure:
        complaint = failure.output
    try:
        yield
    except shell.Failed as failure:
        raise shell.Failed(["apt-get"], complaint + failure.output) from None
