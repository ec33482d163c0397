"""The `parley` command: what a person types, and words instead of traces when something is wrong."""

import typer

import clients.parley
from clients.parley.cli import demos, local

app = typer.Typer(
    name="parley",
    help="Talk to a Parley platform from the command line.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(demos.group, name="demo")
local.add_to(app)


@app.callback()
def parley() -> None:
    """Talk to a Parley platform from the command line."""


@app.command()
def version() -> None:
    """Print the version of this client."""
    typer.echo(f"parley {clients.parley.__version__}")


def main() -> None:
    """The entry point of the `parley` command."""
    app(prog_name="parley")
