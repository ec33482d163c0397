from pathlib import Path
from xml.etree import ElementTree

import pytest

from deploy.local import shell
from deploy.local.fetch import debian, everything, jars
from deploy.local.places import Places
from deploy.local.say import Trouble

pytestmark = pytest.mark.pure
KNOWN = {"kafka/a.jar": "11", "kafka/b.jar": "22"}


def test_the_committed_list_names_each_pinned_jar() -> None:
    known = jars.read_list(jars.KNOWN.read_text())
    for name in ("kafka", "s3proxy"):
        space = "{http://maven.apache.org/POM/4.0.0}"
        pom = ElementTree.parse(jars.HERE / "poms" / name / "pom.xml")  # noqa: S314 - our own file
        for dependency in pom.iter(f"{space}dependency"):
            artifact, version = (dependency.findtext(f"{space}{tag}") for tag in ("artifactId", "version"))
            assert f"{name}/{artifact}-{version}.jar" in known


def test_exactly_the_known_jars_pass() -> None:
    assert jars.differences(KNOWN, dict(KNOWN)) == []


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"kafka/a.jar": "11"}, "kafka/b.jar is missing"),
        ({**KNOWN, "kafka/b.jar": "33"}, "kafka/b.jar has another SHA-256"),
        ({**KNOWN, "kafka/c.jar": "44"}, "kafka/c.jar is not in the list"),
    ],
)
def test_any_other_jar_is_refused(found: dict[str, str], words: str) -> None:
    assert jars.differences(KNOWN, found) == [words]


def test_packages_that_would_only_be_upgraded_are_not_fetched() -> None:
    simulation = (
        "Inst liblzf1 (3.6-3 Debian:12.15/oldstable [amd64])\n"
        "Inst curl [7.88.1-10] (7.88.1-11 Debian:12 [amd64]) []\n"
        "Conf liblzf1 (3.6-3 Debian:12.15/oldstable [amd64])\n"
    )
    assert debian.to_be_installed(simulation) == ["liblzf1"]


def test_the_mirror_of_security_updates_is_the_one_of_the_system() -> None:
    targets = ["Debian|http://mirror.example/debian/", "Debian-Security|http://mirror.example/security/"]
    assert debian.security_archive(targets) == "http://mirror.example/security/"
    assert debian.security_archive(targets[:1]) is None


@pytest.mark.parametrize(
    "output",
    [
        "E: Failed to fetch http://a.example  Temporary failure resolving 'a.example'",
        "WARNING: Retrying after connection broken by 'NewConnectionError(...)': Name or service not known",
        "[ERROR] Could not transfer artifact: a.example: Name or service not known: UnknownHostException",
    ],
)
def test_no_network_is_told_in_one_line(output: str, tmp_path: Path) -> None:
    [line] = shell.explain("jars", shell.Failed(["mvn"], output), tmp_path / "log").lines
    assert "no network" in line
    assert (tmp_path / "log").read_text() == output


def test_any_other_failure_is_told_by_its_first_error(tmp_path: Path) -> None:
    output = "Reading lists\n[ERROR] disk is full\n[ERROR] see the manual\n"
    [line] = shell.explain("jars", shell.Failed(["mvn"], output), tmp_path / "log").lines
    assert "[ERROR] disk is full" in line


def test_a_fetch_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail(_places: Places, scratch: Path) -> int:
        (scratch / "half").write_text("half")
        raise Trouble("no luck")

    part = everything.Part("thing", "a thing", lambda _places: False, fail)
    with pytest.raises(Trouble, match="no luck"):
        everything.fetch(Places(tmp_path, tmp_path), (part,))
    assert list(tmp_path.iterdir()) == []


def test_what_an_interrupted_fetch_left_is_removed_by_the_next(tmp_path: Path) -> None:
    (tmp_path / "tmp-dead").mkdir()
    part = everything.Part("thing", "a thing", lambda _places: False, lambda _places, _scratch: 1)
    everything.fetch(Places(tmp_path, tmp_path), (part,))
    assert not (tmp_path / "tmp-dead").exists()
