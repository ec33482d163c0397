"""An address that is none is said to be none, whatever it was meant for."""

import pytest
from typer.testing import CliRunner, Result

from clients.parley.cli import app
from clients.parley.cli.running import address

NONE = (
    "nonsense",
    "ftp://127.0.0.1",
    "http://",
    "http://127.0.0.1:99999",
    "http://127.0.0.1:x",
    "http://[::1",
)
COMMANDS = (("demo", "--url"), ("whoami", "--url"), ("sim", "people", "--url"), ("audit", "--at"))


def run(*words: str) -> Result:
    return CliRunner().invoke(app, [*words])


@pytest.mark.parametrize("url", NONE)
def test_what_is_no_address_is_refused_in_one_line(url: str) -> None:
    ended = run("demo", "--url", url)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert ended.stderr == f"{url} is no address of a server, such as http://127.0.0.1:8080.\n"


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_looks_at_its_address(words: tuple[str, ...]) -> None:
    ended = run(*words, "http://127.0.0.1:99999")
    assert (ended.exit_code, "is no address" in ended.stderr) == (2, True)


def test_an_address_is_taken_with_and_without_a_slash() -> None:
    assert {address(url) for url in ("https://[::1]:8443", "https://[::1]:8443/")} == {"https://[::1]:8443"}
