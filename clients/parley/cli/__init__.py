"""The `parley` command: what a person types, and words instead of traces when something is wrong."""

from collections.abc import Callable

import typer

import clients.parley
from clients.parley.cli import (
    accounts,
    channels,
    chat,
    conversations,
    demos,
    download,
    files,
    listen,
    local,
    messages,
    plan,
    send,
    sim,
    upload,
    webhooks,
)
from clients.parley.cli.groups import Plain, in_order, plainly
from clients.parley.cli.operating import audit, contacts, dlq
from clients.parley.cli.operating import channels as operating_channels
from clients.parley.cli.running import EXIT_CODES

Command = Callable[..., None] | typer.Typer


def version() -> None:
    """Print the version of this client."""
    typer.echo(f"parley {clients.parley.__version__}")


COMMANDS: dict[str, dict[str, Command]] = {
    "Who you are": {
        "register": accounts.register,
        "login": accounts.login,
        "logout": accounts.logout,
        "whoami": accounts.whoami,
        "map": accounts.map_,
        "verify": accounts.verify,
    },
    "Talking": {
        "chat": chat.chat,
        "send": send.send,
        "plan": plan.plan,
        "status": messages.status,
        "history": messages.history,
        "tail": messages.tail,
        "conversations": conversations.conversations,
        "open": conversations.open_,
        "presence": conversations.presence,
        "channels": channels.group,
    },
    "Files": {"upload": upload.upload, "download": download.download, "files": files.group},
    "Programs of yours": {"webhooks": webhooks.group},
    "To try things": {"demo": demos.group, "sim": sim.group, "version": version},
    "For operators": {"dlq": dlq.group, "contacts": contacts.group, "audit": audit.audit},
}
ORDER = [name for commands in COMMANDS.values() for name in commands]

app = typer.Typer(
    name="parley",
    cls=in_order(ORDER),
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
channels.group.command("status")(operating_channels.status)
webhooks.group.command("listen")(listen.listen)
for panel, commands in COMMANDS.items():
    for name, command in commands.items():
        if isinstance(command, typer.Typer):
            app.add_typer(plainly(command), name=name, rich_help_panel=panel)
        else:
            app.command(name, cls=Plain, rich_help_panel=panel)(command)
local.add_to(app, "On the platform's own machine")


@app.callback()
def parley() -> None:
    """Talk to a Parley platform from the command line.

    Begin with: parley register ana · parley send ben "hi" · parley chat ben"""


def main() -> None:
    """The entry point of the `parley` command."""
    app(prog_name="parley")
