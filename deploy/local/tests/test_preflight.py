import socket
from pathlib import Path

import pytest

from deploy.local import preflight, pythons
from deploy.local.ports import Ports
from deploy.local.say import Trouble

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("says", "words"),
    [
        (None, "no java was found"),
        ("jabberwocky", "does not say its version"),
        ('openjdk version "11.0.2" 2019-01-15', "java is version 11"),
        ('java version "1.8.0_292"', "java is version 8"),
    ],
)
def test_a_java_that_will_not_do_is_named(says: str | None, words: str) -> None:
    assert words in (preflight.java_trouble(says) or "")


@pytest.mark.parametrize("says", ['openjdk version "17.0.15" 2025-04-15', 'openjdk version "21" 2023-09-19'])
def test_a_newer_java_will_do(says: str) -> None:
    assert preflight.java_trouble(says) is None


def test_another_architecture_is_named() -> None:
    assert preflight.architecture_trouble("Linux", "x86_64") is None
    assert "aarch64" in (preflight.architecture_trouble("Linux", "aarch64") or "")


def test_a_small_disk_is_named(tmp_path: Path) -> None:
    assert preflight.disk_trouble(tmp_path, 1_500_000_000) is None
    assert "only 1.0 GB are free" in (preflight.disk_trouble(tmp_path, 1000**3) or "")


def test_missing_tools_are_named() -> None:
    assert "maven" in (preflight.maven_trouble(None) or "")
    assert "apt-get" in (preflight.debian_trouble("/usr/bin/apt-get", None) or "")
    assert preflight.debian_trouble("/usr/bin/apt-get", "/usr/bin/dpkg") is None


def test_a_taken_port_is_told_with_its_part_its_holder_and_a_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        base = server.getsockname()[1] - 80
        [line] = [line for line in preflight.port_troubles(Ports(base), ["nginx"]) if "(gateway http)" in line]
    assert f"port {base + 80} (gateway http) is taken by process" in line
    assert "base=" in line


@pytest.mark.parametrize("base", [32_500, 40_000, 60_900])
def test_a_base_among_the_ports_of_outgoing_connections_is_named_with_one_that_is_not(base: int) -> None:
    words = preflight.base_words(base, (32_768, 60_999)) or ""
    assert f"base={base} lies where" in words
    assert "up to 32324" in words


@pytest.mark.parametrize("base", [8_000, 21_000, 32_324, 61_000])
def test_a_base_beside_them_will_do(base: int) -> None:
    assert preflight.base_words(base, (32_768, 60_999)) is None


def test_every_trouble_is_a_line_and_none_is_silence() -> None:
    preflight.refuse([None, None])
    with pytest.raises(Trouble) as refused:
        preflight.refuse([None, "one", "two"])
    assert refused.value.lines == ("one", "two")


def test_a_shim_that_complains_is_no_python() -> None:
    assert pythons.understand("pyenv: python3.13: command not found") is None
    assert pythons.understand("") is None
    assert pythons.understand("3 12 /usr/bin/python3.12\n") == ((3, 12), "/usr/bin/python3.12")


def pythons_in(folder: Path, **scripts: str) -> tuple[str, ...]:
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return tuple(str(folder / name) for name in scripts)


def test_the_newest_python_that_works_is_taken(tmp_path: Path) -> None:
    found = pythons_in(
        tmp_path,
        thirteen="echo 'pyenv: not here'; exit 127",
        twelve="echo 3 12 /opt/twelve",
        eleven="echo 3 11 /opt/eleven",
        nine="echo 3 9 /opt/nine",
    )
    assert pythons.best(found) == "/opt/twelve"


def test_the_systems_own_python_is_taken_before_a_newer_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own, newer = pythons_in(tmp_path, own="echo 3 11 /usr/bin/python3.11", newer="echo 3 13 /opt/thirteen")
    monkeypatch.setattr(pythons, "SYSTEMS", own)
    assert pythons.best((own, newer)) == "/usr/bin/python3.11"
    assert pythons.best((newer,)) == "/opt/thirteen"


def test_pythons_that_are_too_old_or_too_new_do_not_count() -> None:
    assert [v for v in ((3, 10), (3, 11), (3, 13), (3, 14)) if pythons.supported(v)] == [(3, 11), (3, 13)]
