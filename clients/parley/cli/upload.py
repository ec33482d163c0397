"""`parley upload`: files to the platform, one after the other, each resumable."""

import os
import shlex
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from clients.parley.cli import output, profiles
from clients.parley.cli.options import As, Json, Url
from clients.parley.cli.output import clean
from clients.parley.cli.running import NOT_REACHED, speak, words_of
from clients.parley.cli.transfers import resumable
from clients.parley.cli.words import bytes_of, duration_of, size_of, speed_of
from clients.parley.client import ParleyClient
from clients.parley.errors import LocalFileError, ProblemError
from clients.parley.files import Uploaded

EXPLAINED = (ProblemError, LocalFileError)  # of one file; the others have a chance


def upload(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="1 byte to 2 GiB each.")],
    content_type: Annotated[
        str | None, typer.Option("--type", metavar="TYPE", help="As image/png. Default: by the name.")
    ] = None,
    limit: Annotated[str | None, typer.Option("--limit", metavar="SIZE", help="So much a second at most: 2MB.")] = None,
    as_user: As = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Upload files; done means that the platform has compared their checksums.

    What is interrupted goes on where it stood when the same command is given again, within a day."""

    async def work(client: ParleyClient, me: str) -> list[dict[str, Any]]:
        options = {"content_type": content_type, "bytes_per_s": bytes_of(limit) if limit else None}
        return [await _one(client, me, file, options, as_json) for file in files]

    made = speak(url, as_user, work)
    if as_json:
        output.document({"items": made})
    if any("error" in one for one in made):
        raise typer.Exit(NOT_REACHED)


async def upload_one(
    client: ParleyClient, me: str, file: Path, *, again: str, silent: bool, **options: Any
) -> Uploaded:
    """With a bookmark in the user's state folder; `again` is the command that goes on with it."""
    bookmark = profiles.bookmark(file, me, client.url, os.environ)
    return await resumable(
        lambda tell: client.files.upload(file, bookmark=bookmark, tell=tell, **options), again, silent=silent
    )


def show_uploaded(made: Uploaded) -> None:
    file = made.file
    sent = f", {made.parts_sent} of {made.parts} parts" if made.resumed and made.parts > 1 else ""
    speed = speed_of(made.bytes_sent, made.transfer_s)
    went = f"{sent} in {duration_of(made.transfer_s)}{speed}" if made.bytes_sent else ", all of it there already"
    took = f"{size_of(file.size)}{went}"
    output.line(("✓ ", "green"), (clean(file.filename), "bold"), f"  {took}, verified in {duration_of(made.verify_s)}")


async def _one(client: ParleyClient, me: str, file: Path, options: dict[str, Any], as_json: bool) -> dict[str, Any]:
    """What became of it; one that cannot be uploaded keeps no other from it."""
    try:
        again = shlex.join(["parley", "upload", str(file)])
        made = await upload_one(client, me, file, again=again, silent=as_json, **options)
    except EXPLAINED as error:
        where = f"{file}: " if isinstance(error, ProblemError) else ""
        output.line((clean(f"{where}{words_of(error)}"), "red"), stderr=True)
        return {"path": str(file), "error": words_of(error)}
    if not as_json:
        show_uploaded(made)
        output.line(f"  parley send USER --file {made.file.file_id}")
    return {"path": str(file), **msgspec.structs.asdict(made)}
