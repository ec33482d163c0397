"""Stacks of several owners at once, and owners who die."""

import subprocess
import sys
from contextlib import ExitStack
from itertools import pairwise

import pytest

from deploy.local import processes
from deploy.local.places import ROOT
from deploy.local.ports import OFFSETS, Ports
from deploy.local.stack import Stack
from deploy.local.tests.scene import eventually, start_well
from deploy.local.throwaway import PORTS, free_base, spare_ports

HOLDS_A_STACK = """
import sys
from pathlib import Path

from deploy.local.places import Places
from deploy.local.throwaway import ended_with_its_owner

with ended_with_its_owner(Places(*map(Path, sys.argv[1:]))):
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.mark.pure
def test_owners_who_ask_at_once_get_ports_apart() -> None:
    with ExitStack() as held:
        bases = [held.enter_context(free_base()) for _ in range(3)]
    assert all(later - earlier >= PORTS for earlier, later in pairwise(bases))


@pytest.mark.pure
def test_more_processes_get_ports_that_no_part_has() -> None:
    with free_base() as base:
        more = set(spare_ports(base, 100))
        assert len(more) == 100
        assert not more & {Ports(base)[part] for part in OFFSETS}


def test_a_stack_ends_with_an_owner_who_is_killed(stack: Stack, base: int) -> None:
    words = [str(stack.places.cache), str(stack.places.state)]
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS_A_STACK, *words], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout
        assert owner.stdout.readline() == b"ready\n"
        start_well(stack.places, base, "redis")
        owner.kill()
    assert eventually(lambda: not processes.members(stack.places), within_s=60)
