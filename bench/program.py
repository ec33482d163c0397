"""A bench as a program: its options as `parley` shows them, and errors as they are."""

from collections.abc import Callable

import typer

from clients.parley.cli.groups import Plain


def program(main: Callable[..., None]) -> typer.Typer:
    made = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    made.command(cls=Plain)(main)
    return made
