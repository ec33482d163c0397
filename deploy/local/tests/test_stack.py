"""A small stack of its own, with real servers: what a start, a fault and an end leave behind."""

import os
import signal
import socket
from pathlib import Path

from deploy.local import processes
from deploy.local.places import Places
from deploy.local.readiness import PROBES, get
from deploy.local.stack import Stack
from deploy.local.tests.scene import SMALL, command, eventually, run, start, start_well


def leftovers(where: Places) -> list[Path]:
    odd = ("*.pid", "*.sock*", "*.lock", ".lock", "up-*")
    return [path for pattern in odd for path in where.state.rglob(pattern)]


def test_down_leaves_no_process_and_no_file_but_data(stack: Stack, base: int) -> None:
    start_well(stack.places, base, "redis", "nginx", "mongo")
    assert run(stack.places, "down").returncode == 0
    assert processes.members(stack.places) == []
    assert leftovers(stack.places) == []
    assert (stack.places.data / "redis" / "appendonlydir").is_dir()


def test_a_second_up_says_that_it_is_up(stack: Stack, base: int) -> None:
    start_well(stack.places, base, *SMALL)
    pids = [stack.pid_of(name) for name in SMALL]
    assert "up already" in start_well(stack.places, base, *SMALL)
    assert [stack.pid_of(name) for name in SMALL] == pids


def test_data_survives_a_move_to_other_ports(stack: Stack, base: int) -> None:
    start_well(stack.places, base, "mongo")
    run(stack.places, "down")
    start_well(stack.places, base - 1, "mongo")
    assert PROBES["mongo"](stack.ports) is None


def test_a_killed_gateway_master_takes_its_workers_along_and_comes_back(stack: Stack, base: int) -> None:
    start_well(stack.places, base, *SMALL)
    before = {pid for pid in processes.members(stack.places) if "nginx" in processes.command_line(pid)}
    stack.wait_for_another("nginx", than=stack.kill("nginx"))
    assert eventually(lambda: get(stack.ports["gateway http"], "/nothing")[0] == 404)
    assert eventually(lambda: not [pid for pid in before if processes.is_alive(pid)])
    assert stack.process("nginx").restarts >= 1


def test_down_ends_what_a_killed_supervisor_left(stack: Stack, base: int) -> None:
    start_well(stack.places, base, *SMALL)
    os.kill(stack.supervisor_pid(), signal.SIGKILL)
    os.kill(next(p for p in processes.members(stack.places) if "master" in processes.command_line(p)), signal.SIGKILL)
    assert run(stack.places, "down").returncode == 0
    assert processes.members(stack.places) == []
    assert leftovers(stack.places) == []


def test_a_taken_port_is_one_line_and_nothing_starts(stack: Stack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        refused = start(stack.places, port - 130, *SMALL)
    lines = [line for line in refused.stderr.splitlines() if f"port {port} " in line]
    assert refused.returncode == 1
    assert len(lines) == 1
    assert f"(redis) is taken by process {os.getpid()}" in lines[0]
    assert processes.members(stack.places) == []


def test_down_interrupts_a_start_that_is_under_way(stack: Stack, base: int) -> None:
    with command(stack.places, "up", "--base", str(base)) as starting:
        assert eventually(stack.is_up)
        assert run(stack.places, "down").returncode == 0
        starting.communicate(timeout=120)
    assert starting.returncode == 130
    assert processes.members(stack.places) == []
    assert leftovers(stack.places) == []


def test_status_is_3_when_nothing_runs_and_tells_each_process_when_it_does(stack: Stack, base: int) -> None:
    assert run(stack.places, "status").returncode == 3
    start_well(stack.places, base, *SMALL)
    table = run(stack.places, "status").stdout
    assert [line.split()[1] for line in table.splitlines() if line.split()[:1] == ["redis"]] == ["running"]
    assert f"http://127.0.0.1:{base + 80}" in table


def test_logs_of_an_unknown_name_list_the_known_ones(stack: Stack) -> None:
    asked = run(stack.places, "logs", "nobody")
    assert asked.returncode == 1
    assert "router" in asked.stderr


def test_secrets_are_for_nobody_else(stack: Stack, base: int) -> None:
    start_well(stack.places, base, "redis")
    found = [stack.places.secrets, *stack.places.secrets.rglob("*")]
    assert {oct(path.stat().st_mode & 0o777) for path in found if path.is_file()} == {"0o600"}
    assert {oct(path.stat().st_mode & 0o777) for path in found if path.is_dir()} == {"0o700"}
    assert len(list((stack.places.secrets / "keys").glob("*.pem"))) == 1
