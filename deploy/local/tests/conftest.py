from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from deploy.local.tests.scene import free_base, stack_in


@pytest.fixture
def base() -> int:
    return free_base()


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with stack_in(tmp_path / "state") as stack:
        yield stack
