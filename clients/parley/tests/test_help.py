"""What `parley --help` shows: every command, where it belongs, and a word about each."""

import pytest
import typer
from typer.testing import CliRunner

from clients.parley.cli import COMMANDS, ORDER, app


def test_help_shows_commands_in_the_order_of_what_people_do_with_them() -> None:
    told = [line.split()[1] for line in CliRunner().invoke(app, ["--help"]).stdout.splitlines() if line[:2] == "│ "]
    assert [word for word in told if word in ORDER] == ORDER


def test_help_shows_subjects_in_that_order_and_the_machine_itself_last() -> None:
    told = CliRunner().invoke(app, ["--help"]).stdout
    places = [told.index(f"─ {panel} ─") for panel in [*COMMANDS, "On the platform's own machine"]]
    assert places == sorted(places)


@pytest.mark.parametrize("name", ORDER)
def test_every_command_says_what_it_does(name: str) -> None:
    told = CliRunner().invoke(app, [name, "--help"])
    assert (told.exit_code, f"Usage: {typer.main.get_command(app).name} {name} " in told.stdout) == (0, True)
    assert "<bool>" not in told.stdout
