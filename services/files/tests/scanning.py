"""Real scanners for tests, out of Debian's packages: clamd with one signature of our own, and c-icap in front of it."""

import os
import random
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.fetch import debian, everything, scanners
from deploy.local.places import places
from libs.common.tests.stopping import standing_still

PATIENCE_S = 60.0
PORTS = range(12_000, 20_000)
LARGEST = 1024 * 1024
STREAM_MOST = 3 * LARGEST
# in pieces, so that no scanner takes this file for what it tests
EICAR = b"".join((b"X5O!P%@AP[4\\PZX54(P^)", b"7CC)7}$", b"EICAR-STANDARD", b"-ANTIVIRUS-", b"TEST-FILE!$H+H*"))
SIGNATURE = "Parley-Eicar"
FOUND = f"{SIGNATURE}.UNOFFICIAL"  # clamd's mark for signatures that its makers have not signed

CLAMD = """\
Foreground yes
DatabaseDirectory {folder}/signatures
TemporaryDirectory {folder}
LocalSocket {folder}/clamd.sock
TCPSocket {port}
TCPAddr 127.0.0.1
StreamMaxLength {stream_most}
MaxFileSize {largest}
AlertExceedsMax yes
SelfCheck 86400
"""
C_ICAP = """\
PidFile {folder}/c-icap.pid
CommandsSocket {folder}/c-icap.ctl
Port 127.0.0.1:{port}
StartServers 1
MaxServers 1
ThreadsPerChild 4
MinSpareThreads 1
MaxSpareThreads 4
TmpDir {folder}
ModulesDir {modules}
ServicesDir {modules}
TemplateDir {root}/usr/share/c_icap/templates/
LoadMagicFile {root}/etc/c-icap/c-icap.magic
ServerLog {folder}/c-icap.log
AccessLog {folder}/c-icap-access.log
Module common clamd_mod.so
clamd_mod.ClamdSocket {folder}/clamd.sock
Service antivirus_module virus_scan.so
ServiceAlias avscan virus_scan?allow204=on&sizelimit=off&mode=simple
virus_scan.DefaultEngine clamd
virus_scan.ScanFileTypes TEXT DATA EXECUTABLE ARCHIVE GIF JPEG MSOFFICE
virus_scan.SendPercentData 0
"""


@dataclass
class Server:
    """A program that can be stopped and started again at the same place."""

    command: list[str]
    folder: Path
    is_up: Callable[[], bool]
    _process: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> None:
        root = scanners.root(places())
        environment = {**os.environ, "LD_LIBRARY_PATH": ":".join(map(str, debian.libraries_in(root)))}
        name = Path(self.command[0]).name
        with (self.folder / f"{name}.out").open("ab") as out:
            self._process = subprocess.Popen(self.command, env=environment, stdout=out, stderr=out, cwd=self.folder)
        end = time.monotonic() + PATIENCE_S
        while not self.is_up():
            said = (self.folder / f"{name}.out").read_text(errors="replace")[-2000:]
            assert self._process.poll() is None, f"{name} ended: {said}"
            assert time.monotonic() < end, f"{name} does not listen: {said}"
            time.sleep(0.05)

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Connections stay open, and nobody answers."""
        assert self._process is not None
        with standing_still(self._process.pid):
            yield

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@dataclass
class Scanners:
    """Where they are, and clamd itself to be stopped and started again."""

    clamd: Server
    clamd_url: str
    clamd_socket_url: str
    icap_url: str


@contextmanager
def scanners_in(folder: Path) -> Iterator[Scanners]:
    with clamd_in(folder) as (clamd, port), c_icap_in(folder) as icap_port:
        yield Scanners(
            clamd,
            f"clamd://127.0.0.1:{port}",
            f"clamd+unix://{folder}/clamd.sock",
            f"icap://localhost:{icap_port}/avscan",
        )


@contextmanager
def clamd_in(folder: Path, largest: int = LARGEST, stream_most: int = STREAM_MOST) -> Iterator[tuple[Server, int]]:
    """(clamd, its TCP port)"""
    everything.fetch(places(), (everything.SCANNERS,))
    port, root = free_port(), scanners.root(places())
    (folder / "signatures").mkdir()
    (folder / "signatures" / "parley.ndb").write_text(f"{SIGNATURE}:0:*:{EICAR.hex()}\n")
    (folder / "clamd.conf").write_text(CLAMD.format(folder=folder, port=port, largest=largest, stream_most=stream_most))
    command = [str(root / "usr/sbin/clamd"), "-c", str(folder / "clamd.conf")]
    server = Server(command, folder, lambda: listens(port) and listens(folder / "clamd.sock"))
    try:
        server.start()
        yield server, port
    finally:
        server.stop()


@contextmanager
def c_icap_in(folder: Path) -> Iterator[int]:
    """Its port; it asks the clamd of the same folder."""
    port, root = free_port(), scanners.root(places())
    [modules] = root.glob("usr/lib/*-linux-gnu/c_icap")
    text = C_ICAP.format(folder=folder, port=port, root=root, modules=modules)
    (folder / "c-icap.conf").write_text(text)
    command = [str(root / "usr/bin/c-icap"), "-N", "-f", str(folder / "c-icap.conf")]
    server = Server(command, folder, lambda: listens(port))
    try:
        server.start()
        yield port
    finally:
        server.stop()


def free_port() -> int:
    """Below those of outgoing connections, so that nobody takes it while its server is stopped."""
    return next(port for port in random.sample(PORTS, len(PORTS)) if not listens(port))


def listens(place: int | Path) -> bool:
    """A port of this machine, or a Unix socket."""
    family, address = (
        (socket.AF_UNIX, str(place)) if isinstance(place, Path) else (socket.AF_INET, ("127.0.0.1", place))
    )
    with socket.socket(family) as asking:
        return asking.connect_ex(address) == 0
