from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from deploy.local.tests.scene import stack_in
from deploy.local.throwaway import free_base


@pytest.fixture
def base() -> Iterator[int]:
    with free_base() as base:
        yield base


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with stack_in(tmp_path / "state") as stack:
        yield stack
