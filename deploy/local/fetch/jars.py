"""Fetches the jars of Kafka and of the S3 server through Maven, and keeps them only if each is the one we know."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from deploy.local import shell
from deploy.local.places import Places
from deploy.local.say import Trouble

HERE = Path(__file__).resolve().parent
KNOWN = HERE / "jars.sha256"
PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"


def folder(places: Places) -> Path:
    """Named after the list of checksums: another list is another folder."""
    return places.cache / f"jars-{hashlib.sha256(KNOWN.read_bytes()).hexdigest()[:12]}"


def are_here(places: Places) -> bool:
    return folder(places).is_dir()


def read_list(text: str) -> dict[str, str]:
    """File name → SHA-256, from the lines that sha256sum writes."""
    return {name: digest for digest, name in (line.split() for line in text.splitlines() if line.strip())}


def differences(known: dict[str, str], found: dict[str, str]) -> list[str]:
    """What keeps the jars from being exactly those of the list."""
    missing = [f"{name} is missing" for name in known if name not in found]
    strange = [f"{name} is not in the list" for name in found if name not in known]
    changed = [f"{name} has another SHA-256" for name in known if found.get(name, known[name]) != known[name]]
    return changed + missing + strange


def digests(jars: Path) -> dict[str, str]:
    return {str(path.relative_to(jars)): hashlib.sha256(path.read_bytes()).hexdigest() for path in jars.glob("*/*.jar")}


def fetch(places: Places, scratch: Path) -> int:
    """Their size in bytes."""
    try:
        jars = download(scratch)
    except shell.Failed as failure:
        raise shell.explain("the jars of Kafka and s3proxy", failure, places.cache / "fetch-jars.log") from None
    wrong = differences(read_list(KNOWN.read_text()), digests(jars))
    if wrong:
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise Trouble(f"the jars are not those that this version was tested with: {wrong[0]}{more}; none is kept")
    for old in places.cache.glob("jars-*"):
        shutil.rmtree(old, ignore_errors=True)
    jars.rename(folder(places))
    return sum(path.stat().st_size for path in folder(places).glob("*/*.jar"))


def download(scratch: Path) -> Path:
    """The Maven repository is a throw-away one: nothing is left in the home folder, nothing old is trusted."""
    jars = scratch / "jars"
    argv = ["mvn", "-B", "-q", "-C", "-T", "2", "-f", str(HERE / "poms" / "pom.xml"), f"-Djars={jars}"]
    shell.run([*argv, f"-Dmaven.repo.local={scratch / 'm2'}", PLUGIN])
    return jars


def write_list(jars: Path) -> None:
    lines = [f"{digest}  {name}\n" for name, digest in sorted(digests(jars).items())]
    KNOWN.write_text("".join(lines))
