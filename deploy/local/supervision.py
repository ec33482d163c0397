"""The supervisor: its configuration, how it is started, and how it is spoken to over its socket."""

from __future__ import annotations

import http.client
import os
import resource
import shlex
import socket
import subprocess
import sys
import xmlrpc.client
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from deploy.local import settings_file
from deploy.local.gateway import MOST_FILES
from deploy.local.places import Places
from deploy.local.programs import Program
from deploy.local.say import Trouble

MARK = "PARLEY_SUPERVISED"  # names the state folder in the environment of every process of a stack
SETTLED_S = 1
MEGABYTE = 1024**2


def configuration(places: Places, programs: Iterable[Program]) -> str:
    sections = [_daemon(places), *(_program(places, program) for program in programs)]
    return "\n".join(sections)


def _daemon(places: Places) -> str:
    return _section(
        "supervisord",
        logfile=places.logs / "supervisor.log",
        logfile_maxbytes=5 * MEGABYTE,
        logfile_backups=2,
        pidfile=places.run / "supervisor.pid",
        directory=places.root,
        identifier="parley",
        **({"user": "root"} if os.geteuid() == 0 else {}),  # said, or it warns at each start
        minfds=min(MOST_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),
    ) + (
        _section("unix_http_server", file=places.socket, chmod="0700")
        + _section(
            "rpcinterface:supervisor",
            **{"supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"},
        )
        + _section("rpcinterface:parley", **{"supervisor.rpcinterface_factory": "deploy.local.plugin:make"})
    )


def _program(places: Places, program: Program) -> str:
    environment = {**program.environment, MARK: str(places.state)}
    return _section(
        f"program:{program.name}",
        command=shlex.join(program.command),
        directory=program.folder,
        environment=",".join(f'{name}="{value}"' for name, value in environment.items()),
        autostart="false",
        autorestart="true",
        startsecs=SETTLED_S,
        startretries=1_000_000_000,
        stopsignal=program.stop_signal,
        stopwaitsecs=program.stop_within_s,
        killasgroup="true",
        redirect_stderr="true",
        stdout_logfile=places.logs / f"{program.name}.log",
        stdout_logfile_maxbytes=20 * MEGABYTE,
        stdout_logfile_backups=3,
    )


def _section(title: str, **values: object) -> str:
    """`%` opens a substitution in this file format, so it is doubled."""
    lines = [f"{name}={str(value).replace('%', '%%')}" for name, value in values.items()]
    return "\n".join([f"[{title}]", *lines, "", ""])


def launch(places: Places) -> None:
    """Starts the supervisor as a daemon; returns once it listens."""
    started = subprocess.run(  # noqa: S603 - our own command line
        [sys.executable, "-m", "supervisor.supervisord", "-c", str(places.conf / "supervisord.conf")],
        cwd=places.root, env={**settings_file.environment(places), MARK: str(places.state)},
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    if started.returncode:
        raise Trouble(f"the supervisor does not start: {(started.stdout + started.stderr).strip()[-300:]}")


class Supervisor:
    """One call each to the running supervisor. Raises NotRunning when nobody listens."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def call(self, method: str, *arguments: object) -> Any:
        proxy = xmlrpc.client.ServerProxy("http://supervisor", transport=_Socket(self._path))
        try:
            with proxy:
                function: Any = proxy
                for word in method.split("."):
                    function = getattr(function, word)
                return function(*arguments)
        except (FileNotFoundError, ConnectionError, http.client.HTTPException) as error:
            raise NotRunning from error

    def is_up(self) -> bool:
        try:
            return bool(self.call("supervisor.getPID"))
        except NotRunning:
            return False


class NotRunning(Exception):
    pass


class _Socket(xmlrpc.client.Transport):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        return _Connection(str(self._path))


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=30)
        self._unix_path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._unix_path)
