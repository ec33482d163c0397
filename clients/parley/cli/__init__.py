"""The `parley` command: what a person types, and words instead of traces when something is wrong."""

from collections.abc import Callable

import typer

import clients.parley
from clients.parley.cli import accounts, chat, conversations, demos, local, messages
from clients.parley.cli.running import EXIT_CODES

app = typer.Typer(
    name="parley",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS: dict[str, list[Callable[..., None]]] = {
    "Who you are": [accounts.register, accounts.login, accounts.logout, accounts.whoami],
    "Talking": [chat.chat, messages.send, messages.status, messages.history, messages.tail],
    "With whom": [conversations.conversations, conversations.open_, conversations.presence],
}
for panel, commands in COMMANDS.items():
    for command in commands:
        app.command(command.__name__.rstrip("_"), rich_help_panel=panel)(command)
app.add_typer(demos.group, name="demo", rich_help_panel="The platform")
local.add_to(app, "The platform")


@app.callback()
def parley() -> None:
    """Talk to a Parley platform from the command line.

    Begin with: parley register ana · parley send ben "hi" · parley chat ben"""


@app.command(rich_help_panel="The platform")
def version() -> None:
    """Print the version of this client."""
    typer.echo(f"parley {clients.parley.__version__}")


def main() -> None:
    """The entry point of the `parley` command."""
    app(prog_name="parley")
