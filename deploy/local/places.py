"""Where things lie on disk: the project, what is fetched (cache) and what belongs to one stack (state)."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LONGEST_SOCKET = 90  # the kernel takes 107 bytes; the supervisor first binds "<name>.<pid>" beside it


@dataclass(frozen=True)
class Places:
    cache: Path
    state: Path
    root: Path = ROOT

    @property
    def venv(self) -> Path:
        return self.cache / "venv"

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"

    @property
    def debs(self) -> Path:
        return self.cache / "debs"

    @property
    def data(self) -> Path:
        return self.state / "data"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def run(self) -> Path:
        return self.state / "run"

    @property
    def conf(self) -> Path:
        return self.state / "conf"

    @property
    def secrets(self) -> Path:
        return self.state / "secrets"

    @property
    def settings(self) -> Path:
        return self.state / "parley.env"

    @property
    def socket(self) -> Path:
        """The supervisor's socket; in a short folder where the state's own path is too long for a socket."""
        near = self.run / "supervisor.sock"
        if len(os.fsencode(near)) <= LONGEST_SOCKET:
            return near
        mark = hashlib.sha256(os.fsencode(self.state)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"parley-{os.getuid()}-{mark}" / "supervisor.sock"

    def make(self) -> None:
        """The folders of a stack, closed to everybody else."""
        for folder in (self.state, self.data, self.logs, self.run, self.conf, self.secrets, self.socket.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def places(environment: Mapping[str, str] = os.environ) -> Places:
    cache = environment.get("PARLEY_CACHE") or ROOT / ".cache"
    state = environment.get("PARLEY_STATE") or ROOT / ".local"
    return Places(Path(cache).resolve(), Path(state).resolve())
