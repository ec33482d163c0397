"""`parley keys …` and `parley operators …`: handed over to the program of the service that owns keys and roles."""

import os
import sys

import typer

PROGRAM = "services.auth.admin"
EVERYTHING = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}


def add_to(app: typer.Typer, panel: str) -> None:
    """They need the files and the etcd of the machine they run on, so no gateway and no token is asked for."""
    helps = {"keys": "The keys that sign access tokens, on this machine.", "operators": "Who may operate the platform."}
    for name, words in helps.items():
        app.command(name, context_settings=EVERYTHING, help=words, rich_help_panel=panel)(hand_over)


def hand_over(context: typer.Context) -> None:
    arguments = [str(context.info_name), *context.args]
    os.execv(sys.executable, [sys.executable, "-m", PROGRAM, *arguments])  # noqa: S606  our own program, no shell
