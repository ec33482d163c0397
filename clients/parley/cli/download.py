"""`parley download`: a file from the platform, whole and compared, or none."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from clients.parley.cli import output
from clients.parley.cli.options import As, FileId, Json, Url
from clients.parley.cli.output import clean
from clients.parley.cli.running import speak
from clients.parley.cli.transfers import resumable
from clients.parley.cli.words import duration_of, size_of, speed_of
from clients.parley.client import ParleyClient
from clients.parley.errors import AlreadyThereError
from clients.parley.files import Downloaded


def download(
    file_id: FileId,
    to: Annotated[
        Path, typer.Option("-o", "--output", metavar="PATH", help="A folder, or the file to be made.")
    ] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
    as_user: As = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Download a file that you have uploaded or that was sent to you; its checksum is compared.

    Until it is whole it is NAME.part; the same command again goes on with that."""

    async def work(client: ParleyClient, _: str) -> Downloaded:
        again = shlex.join(["parley", "download", file_id, *([] if to == Path() else ["-o", str(to)])])
        try:
            return await resumable(
                lambda tell: client.files.download(file_id, to, replace=force, tell=tell), again, silent=as_json
            )
        except AlreadyThereError as error:
            raise AlreadyThereError(f"{error} --force replaces it, -o PATH gives another name.") from error

    found = speak(url, as_user, work)
    if as_json:
        output.document(found)
        return
    took = duration_of(found.transfer_s)
    told = f"{size_of(found.file.size)} in {took}{speed_of(found.bytes_received, found.transfer_s)}"
    output.line(("✓ ", "green"), (clean(found.path), "bold"), f"  {told}, checksum compared")
