"""Writes what pins the stack: requirements.lock for Python packages, the list of checksums for jars."""

from __future__ import annotations

import tempfile
from pathlib import Path

from deploy.local import pythons, shell
from deploy.local.fetch import jars
from deploy.local.places import Places
from deploy.local.say import say, step


def lock_jars(places: Places) -> None:
    """The jars of the poms as Maven resolves them now; the diff of the list is what to review."""
    step("resolving", "jars", "what the poms ask for")
    with tempfile.TemporaryDirectory() as folder:
        try:
            jars.write_list(jars.download(Path(folder)))
        except shell.Failed as failure:
            raise shell.explain("the jars", failure, places.cache / "lock.log") from None
    say(f"written: {jars.KNOWN}")


def lock(places: Places) -> None:
    """For every Python and machine that we support, by uv out of a throw-away environment.

    No index's address gets into the file.
    """
    target = places.root / "requirements.lock"
    step("resolving", "python", "the packages of pyproject.toml")
    with tempfile.TemporaryDirectory() as folder:
        uv = Path(folder) / "bin" / "uv"
        try:
            shell.run([pythons.best() or "python3", "-m", "venv", folder])
            shell.run([str(uv.with_name("python")), "-m", "pip", "install", "--quiet", "uv"])
            shell.run([
                str(uv), "pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--generate-hashes",
                "--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links",
                "--group", "dev", "pyproject.toml", "--output-file", str(target),
            ], cwd=places.root)  # fmt: skip
        except shell.Failed as failure:
            raise shell.explain("a new lock", failure, places.cache / "lock.log") from None
    say(f"written: {target}")
