"""Looks before anything starts: each thing that would go wrong is one line that says what to do."""

from __future__ import annotations

import errno
import platform
import re
import shutil
import socket
import subprocess
from collections.abc import Iterable
from pathlib import Path

from deploy.local import processes, pythons
from deploy.local.ports import DEFAULT_BASE, OFFSETS, Ports
from deploy.local.programs import java
from deploy.local.say import Trouble

OLDEST_JAVA = 17
NEEDED_BYTES = 1_500_000_000  # 0.6 GB are fetched, an empty stack takes 0.4, and something must be left to live on
INSTALL = "Debian: apt install"
OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")


def refuse(troubles: Iterable[str | None]) -> None:
    """Raises Trouble with every line there is."""
    lines = [line for line in troubles if line]
    if lines:
        raise Trouble(*lines)


def tools(fetching: set[str], cache: Path) -> list[str | None]:
    """What must be on the machine; `fetching` names the parts that are not in the cache yet."""
    return [
        architecture_trouble(platform.system(), platform.machine()),
        java_trouble(_version_of_java()),
        maven_trouble(shutil.which("mvn")) if "jars" in fetching else None,
        debian_trouble(shutil.which("apt-get"), shutil.which("dpkg")) if {"debian", "scanners"} & fetching else None,
        pythons.why_none() if "python" in fetching and pythons.best() is None else None,
        disk_trouble(cache, shutil.disk_usage(_existing(cache)).free) if fetching else None,
    ]


def architecture_trouble(system: str, machine: str) -> str | None:
    if system == "Linux" and machine == "x86_64":
        return None
    return f"the local stack runs on Linux on x86_64, this is {system} on {machine}"


def java_trouble(version: str | None) -> str | None:
    """`version` is what `java -version` says, or None where there is no Java."""
    hint = f"Java {OLDEST_JAVA} or newer is needed ({INSTALL} openjdk-17-jre-headless)"
    if version is None:
        return f"no java was found: {hint}"
    found = re.search(r'version "(?:1\.)?(\d+)', version)
    if found is None:
        return f"java does not say its version: {hint}"
    return f"java is version {found[1]}: {hint}" if int(found[1]) < OLDEST_JAVA else None


def maven_trouble(path: str | None) -> str | None:
    return None if path else f"no mvn was found: Maven fetches Kafka ({INSTALL} maven)"


def debian_trouble(apt: str | None, dpkg: str | None) -> str | None:
    if apt and dpkg:
        return None
    return "apt-get and dpkg are needed to fetch nginx, redis and etcd: this is not a Debian"


def disk_trouble(folder: Path, free: int) -> str | None:
    if free >= NEEDED_BYTES:
        return None
    return f"only {free / 1e9:.1f} GB are free under {folder}: the stack needs {NEEDED_BYTES / 1e9:.1f} GB"


def port_troubles(ports: Ports, names: Iterable[str]) -> list[str]:
    """One line for each port that a process of these names needs and somebody else holds."""
    wanted = [(part, port) for name in names for part, port in ports.of(name).items()]
    return [port_words(port, part, processes.holder(port), ports.base) for part, port in wanted if is_taken(port)]


def port_words(port: int, part: str, holder: str, base: int) -> str:
    other = 20000 if base == DEFAULT_BASE else DEFAULT_BASE
    return f"port {port} ({part}) is taken by {holder}: stop it, or move every port with base={other}"


def outgoing_ports() -> tuple[int, int]:
    """The first and the last port that the kernel gives to outgoing connections."""
    first, last = OUTGOING.read_text().split()
    return int(first), int(last)


def base_words(base: int, outgoing: tuple[int, int]) -> str | None:
    """A start there works mostly, and fails when a connection of anybody's has got one of the ports."""
    first, last = outgoing
    if base + max(OFFSETS.values()) < first or base + min(OFFSETS.values()) > last:
        return None
    below = first - max(OFFSETS.values()) - 1
    return (
        f"base={base} lies where the kernel takes ports for outgoing connections ({first} to {last}): "
        f"any connection may get one of ours first; choose a base up to {below}"
    )


def is_taken(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


def _version_of_java() -> str | None:
    try:
        answer = subprocess.run(  # noqa: S603 - the java that will run the servers
            [java(), "-version"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stderr + answer.stdout


def _existing(folder: Path) -> Path:
    return next(parent for parent in (folder, *folder.parents) if parent.exists())
