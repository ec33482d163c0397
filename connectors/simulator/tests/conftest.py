"""Fixtures of the simulator's tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connectors.simulator.tests.hook import Hook
from connectors.simulator.tests.scene import Platform, Small, running


@pytest.fixture
def small(tmp_path: Path) -> Small:
    return Small(tmp_path)


@pytest.fixture(scope="session")
async def running_platform() -> AsyncIterator[Platform]:
    async with running() as made:
        yield made


@pytest.fixture
async def platform(running_platform: Platform) -> Platform:
    """One server for all, reset before each test."""
    await running_platform.reset()
    return running_platform


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    async with Hook() as made:
        yield made
