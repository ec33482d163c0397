"""`parley keys …`, `operators …` and `quarantine …`: handed over to the program of the service that owns these."""

import os
import sys

import typer

PROGRAMS = {
    "keys": ("services.auth.admin", "The keys that sign access tokens, on this machine."),
    "operators": ("services.auth.admin", "Who may operate the platform."),
    "quarantine": ("services.files.admin", "Files that a scanner found something in."),
}
EVERYTHING = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}


def add_to(app: typer.Typer, panel: str) -> None:
    """They need the files and the servers of the machine they run on, so no gateway and no token is asked for."""
    for name, (_, words) in PROGRAMS.items():
        app.command(name, context_settings=EVERYTHING, help=words, rich_help_panel=panel)(hand_over)


def hand_over(context: typer.Context) -> None:
    name = str(context.info_name)
    program, _ = PROGRAMS[name]
    os.execv(sys.executable, [sys.executable, "-m", program, name, *context.args])  # noqa: S606  our own program, no shell
