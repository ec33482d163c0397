"""A running stack, as tests and commands handle it: its processes by name, through the supervisor."""

from __future__ import annotations

import os
import signal
import time
import xmlrpc.client
from dataclasses import dataclass

from deploy.local import settings_file
from deploy.local.places import Places, places
from deploy.local.ports import Ports
from deploy.local.programs import NAMES
from deploy.local.supervision import NotRunning, Supervisor

ALIVE = ("RUNNING", "STARTING", "BACKOFF")
NOT_RUNNING, ALREADY_STARTED = 70, 60
PATIENCE_S = 90.0


@dataclass(frozen=True)
class Process:
    name: str
    state: str
    pid: int
    uptime_s: float
    restarts: int
    why: str


class Stack:
    """`Stack(places())` is the stack of PARLEY_STATE, or this checkout's own."""

    def __init__(self, where: Places | None = None) -> None:
        self.places = where or places()
        self._supervisor = Supervisor(self.places.socket)

    def is_up(self) -> bool:
        return self._supervisor.is_up()

    @property
    def ports(self) -> Ports:
        """Raises NotRunning where no stack was ever started."""
        base = settings_file.read(self.places.settings).get("PARLEY_BASE")
        if base is None:
            raise NotRunning
        return Ports(int(base))

    def processes(self) -> list[Process]:
        """In the order in which they are started."""
        restarts = self._supervisor.call("parley.restarts")
        seen = {info["name"]: info for info in self._supervisor.call("supervisor.getAllProcessInfo")}
        return [_process(seen[name], restarts.get(name, 0)) for name in NAMES if name in seen]

    def process(self, name: str) -> Process:
        return next(process for process in self.processes() if process.name == name)

    def pid_of(self, name: str) -> int:
        """0 while it does not run."""
        return self.process(name).pid

    def start(self, name: str, *, wait: bool = True) -> None:
        self._change("supervisor.startProcess", name, wait, ALREADY_STARTED)

    def stop(self, name: str, *, wait: bool = True) -> None:
        self._change("supervisor.stopProcess", name, wait, NOT_RUNNING)

    def restart(self, name: str) -> None:
        self.stop(name)
        self.start(name)

    def reload(self, name: str) -> None:
        """Takes in what the supervisor's configuration says of a stopped process now."""
        self._supervisor.call("supervisor.reloadConfig")
        self._supervisor.call("supervisor.removeProcessGroup", name)
        self._supervisor.call("supervisor.addProcessGroup", name)

    def kill(self, name: str, how: signal.Signals = signal.SIGKILL) -> int:
        """Signals the process itself, as an accident would; the supervisor starts it again. Returns the old pid."""
        pid = self.pid_of(name)
        if not pid:
            raise NotRunning(name)
        os.kill(pid, how)
        return pid

    def wait_for_another(self, name: str, than: int, within_s: float = PATIENCE_S) -> int:
        """The pid of the process that runs instead of a killed one."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            process = self.process(name)
            if process.state == "RUNNING" and process.pid not in (0, than):
                return process.pid
            time.sleep(0.05)
        raise TimeoutError(f"{name} was not started again within {within_s:.0f} s")

    def shut_down(self) -> None:
        self._supervisor.call("supervisor.shutdown")

    def supervisor_pid(self) -> int:
        return int(self._supervisor.call("supervisor.getPID"))

    def _change(self, method: str, name: str, wait: bool, harmless: int) -> None:
        try:
            self._supervisor.call(method, name, wait)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != harmless:
                raise


def _process(info: dict[str, object], restarts: int) -> Process:
    alive = info["statename"] in ALIVE
    uptime = float(str(info["now"])) - float(str(info["start"])) if info["statename"] == "RUNNING" else 0.0
    return Process(
        name=str(info["name"]),
        state=str(info["statename"]),
        pid=int(str(info["pid"])),
        uptime_s=max(uptime, 0.0),
        restarts=restarts if alive else 0,
        why=str(info["spawnerr"]),
    )
