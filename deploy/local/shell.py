"""Runs other programs with their output kept in a file, and ends them when the command itself ends."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from deploy.local.say import Trouble

_running: set[subprocess.Popen[str]] = set()
OFFLINE = (
    "name resolution", "resolve host", "unknown host", "unknownhost", "could not resolve", "network is unreachable",
    "connection refused", "newconnectionerror", "connect timed out", "connection timed out", "could not connect",
    "temporary failure resolving", "no route to host", "unable to connect", "max retries exceeded",
)  # fmt: skip


class Failed(Exception):
    def __init__(self, argv: Sequence[str], output: str) -> None:
        super().__init__(f"{Path(argv[0]).name} failed")
        self.output = output


def run(argv: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """What the program printed on stdout. Raises Failed with everything it printed."""
    with subprocess.Popen(  # noqa: S603 - our own command lines
        argv, cwd=cwd, env=env, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        process_group=0,
    ) as process:  # fmt: skip
        _running.add(process)
        try:
            out, err = process.communicate()
        except BaseException:
            _end(process)
            raise
        finally:
            _running.discard(process)
    if process.returncode:
        raise Failed(argv, out + err)
    return out


def end_all() -> None:
    for process in list(_running):
        _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    """With everything that it has started itself: it leads a group of its own."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)


def explain(what: str, failure: Failed, log: Path) -> Trouble:
    """One line for a person: no network, or the last thing that the tool said; the rest lies in the log."""
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(failure.output)
    if is_offline(failure.output):
        return Trouble(f"cannot fetch {what}: no network, or the package registry does not answer (see {log})")
    return Trouble(f"cannot fetch {what}: {last_words(failure.output)} (see {log})")


def is_offline(output: str) -> bool:
    low = output.lower()
    return any(word in low for word in OFFLINE)


def last_words(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith(("error", "e:", "[error]"))]
    return (errors[:1] or lines[-1:] or ["it said nothing"])[0][:200]
