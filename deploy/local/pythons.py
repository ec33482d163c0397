"""Chooses the Python that the project runs on. Must itself run on any Python 3, to say that it is too old."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

OLDEST, TOO_NEW = (3, 11), (3, 14)
SYSTEMS = "/usr/bin/python3"
CANDIDATES = (SYSTEMS, "python3.13", "python3.12", "python3.11", "python3")
PROBE = "import sys, ensurepip, venv; print(sys.version_info[0], sys.version_info[1], sys.executable)"


def supported(version: tuple[int, int]) -> bool:
    return OLDEST <= version < TOO_NEW


def understand(answer: str) -> tuple[tuple[int, int], str] | None:
    """Version and real path from what the probe printed; None for anything else (a shim that complains)."""
    words = answer.split(None, 2)
    if len(words) != 3 or not (words[0].isdigit() and words[1].isdigit()):
        return None
    return (int(words[0]), int(words[1])), words[2].strip()


def best(candidates: tuple[str, ...] = CANDIDATES) -> str | None:
    """The path of the system's own Python, else of the newest supported one, that can make virtual environments.

    Distributions build theirs with profiles of real programs, version managers do not: a sixth of our CPU.
    """
    found = [(name, *seen) for name in candidates if (seen := _probe(name)) is not None and supported(seen[0])]
    return max(found, key=lambda seen: (seen[0] == SYSTEMS, seen[1]))[2] if found else None


def why_none() -> str:
    if supported(sys.version_info[:2]):
        return "this Python has no venv module: install it (Debian: apt install python3-venv)"
    return "no Python 3.11, 3.12 or 3.13 was found (Debian 12: apt install python3 python3-venv)"


def _probe(name: str) -> tuple[tuple[int, int], str] | None:
    path = shutil.which(name)
    if path is None:
        return None
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    try:
        answer = subprocess.run(  # noqa: S603 - a Python found on PATH
            [path, "-c", PROBE], capture_output=True, text=True, timeout=20, check=False, env=environment
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return understand(answer.stdout) if answer.returncode == 0 else None
