"""The options that commands share."""

from typing import Annotated

import typer

Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        help="The gateway. Default: PARLEY_GATEWAY_URL, from the environment or .local/parley.env, "
        "else http://127.0.0.1:8080.",
    ),
]
As = Annotated[
    str | None,
    typer.Option("--as", metavar="USER", help="Who speaks. Default: PARLEY_PROFILE, else who logged in last."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Cursor = Annotated[str | None, typer.Option("--cursor", metavar="CURSOR", help="Where the last page ended.")]
Channels = Annotated[
    list[str] | None,
    typer.Option("--channel", metavar="CHANNEL", help="internal, telegram, … or all; may be repeated."),
]
Deadline = Annotated[float, typer.Option("--deadline", min=0.1, metavar="SECONDS", help="How long each step may take.")]
FileId = Annotated[str, typer.Argument(metavar="FILE_ID", help="As `upload`, `files` and messages show it.")]
To = Annotated[str, typer.Argument(metavar="USER|CONVERSATION", help="A person, or the id of a conversation.")]
