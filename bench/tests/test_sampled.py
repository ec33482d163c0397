"""A service that is sampled, as a process of its own: work is seen, waiting is not."""

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.picture.stacks import parse
from bench.proc import parse_stat

SERVICE = """
import sys, time

def works(until):
    while time.thread_time() < until:
        pass

def waits():
    time.sleep(0.01)

print("ready", flush=True)
while True:
    works(time.thread_time() + 0.01)
    waits()
"""
WITHIN_S = 30.0


@pytest.fixture
def service(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    (tmp_path / "a_service.py").write_text(SERVICE)
    command = [sys.executable, "-m", "bench.picture.sampled", str(tmp_path), "a_service"]
    path = {"PYTHONPATH": f"{tmp_path}:{Path.cwd()}"}
    with subprocess.Popen(command, env=path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def test_work_is_seen_and_waiting_is_not(service: "subprocess.Popen[str]", tmp_path: Path) -> None:
    service.send_signal(signal.SIGUSR1)
    begun = cpu_s(service.pid)
    until(lambda: cpu_s(service.pid) > begun + 0.5)
    service.send_signal(signal.SIGUSR2)
    file = tmp_path / "a_service.txt"
    until(file.exists)
    seen: Counter[str] = Counter()
    for line in file.read_text().splitlines():
        frames, count = parse(line)
        seen[frames[-1].function] += count
    assert seen["works"] > 20
    assert seen["waits"] < seen["works"] / 5


def cpu_s(pid: int) -> float:
    return parse_stat(Path(f"/proc/{pid}/stat").read_text()).cpu_s


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
