"""How the tests share a machine."""

import os
import subprocess
import sys

import pytest

from conftest import GIVEN, ROOT

pytestmark = pytest.mark.pure


def test_workers_share_no_stack_that_is_given() -> None:
    command = [sys.executable, "-m", "pytest", "-n", "2", "tests/test_workers.py"]
    environment = os.environ | {GIVEN: ".local/parley.env"}
    refused = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert refused.returncode == pytest.ExitCode.USAGE_ERROR
    assert "take workers=1" in refused.stderr
