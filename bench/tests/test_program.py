"""What the benches say of themselves."""

import pytest
from typer.testing import CliRunner

from bench import cli, files, log_ins, outage, sink, sockets, webhooks
from bench.operations import __main__ as operations
from bench.picture import __main__ as picture
from bench.program import program

ALONE = (files, log_ins, outage, sink, sockets, webhooks, operations, picture)


@pytest.mark.parametrize("app", [cli.app, *(program(one.main) for one in ALONE)])
def test_help_shows_a_switch_by_its_name_alone(app: object) -> None:
    told = CliRunner().invoke(app, ["--help"])  # type: ignore[arg-type]  # typer's own
    assert told.exit_code == 0
    assert "<bool>" not in told.stdout
