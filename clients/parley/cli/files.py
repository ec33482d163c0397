"""`parley files`: what one has uploaded, and what the platform knows of a file."""

from typing import Annotated

import typer

from clients.parley.cli import output
from clients.parley.cli.groups import unless_named
from clients.parley.cli.options import As, Cursor, FileId, Json, Url
from clients.parley.cli.output import clean
from clients.parley.cli.running import speak
from clients.parley.cli.words import size_of
from clients.parley.client import ParleyClient
from clients.parley.files import FilePage, StoredFile

STYLES = {"completed": "green", "failed": "red", "quarantined": "red"}

group = typer.Typer(help="What you have uploaded: the list, unless another is named.", cls=unless_named("list"))


@group.command("list")
def list_(
    limit: Annotated[int, typer.Option("--limit", min=1, max=200, help="How many.")] = 20,
    cursor: Cursor = None,
    as_user: As = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Your uploads, newest first."""
    page: FilePage = speak(url, as_user, lambda client, _: client.files.page(limit=limit, cursor=cursor))
    if as_json:
        output.document(page)
        return
    if not page.items:
        output.line("Nothing yet: `parley upload FILE`.")
        return
    shown = output.table("file", "size", "type", "status", "when", "id")
    for one in page.items:
        status = output.cell(one.status, STYLES.get(one.status, "yellow"))
        when = f"{one.created_at.astimezone():%m-%d %H:%M}"
        kind = output.cell((one.detected_type if one.type_matches is False else None) or one.content_type, "dim")
        shown.add_row(output.cell(one.filename), size_of(one.size), kind, status, when, output.cell(one.file_id))
    shown.columns[5].no_wrap = True
    output.console().print(shown)
    if page.next_cursor:
        output.line((f"more: parley files --cursor {clean(page.next_cursor)}", "dim"), stderr=True)


@group.command()
def show(file_id: FileId, as_user: As = None, url: Url = None, as_json: Json = False) -> None:
    """All that is known of a file."""
    file: StoredFile = speak(url, as_user, lambda client, _: client.files.get(file_id))
    if as_json:
        output.document(file)
        return
    output.line((clean(file.filename), "bold"), f"  {size_of(file.size)}  ", (file.status, STYLES.get(file.status, "")))
    for name, words in _facts(file).items():
        if words:
            output.line((f"{name:<11}", "dim"), clean(words))
    if file.status == "completed":
        output.line(f"parley download {file.file_id}")


@group.command()
def delete(
    file_ids: Annotated[list[str], typer.Argument(metavar="FILE_ID")],
    as_user: As = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Delete files of yours, for everybody; messages keep their names."""

    async def work(client: ParleyClient, _: str) -> None:
        for file_id in file_ids:
            await client.files.delete(file_id)

    speak(url, as_user, work)
    if as_json:
        output.document({"deleted": file_ids})
    else:
        output.line(f"deleted: {clean(', '.join(file_ids))}")


def _facts(file: StoredFile) -> dict[str, str]:
    detected = file.detected_type if file.type_matches is False else None
    pictures = ", ".join(f"{one.width} x {one.height}" for one in file.thumbnails)
    scan = file.scan or {}
    return {
        "id": file.file_id,
        "owner": file.owner,
        "type": f"{file.content_type}{f', but its bytes are {detected}' if detected else ''}",
        "sha256": file.sha256 or "",
        "created": f"{file.created_at.astimezone():%Y-%m-%d %H:%M:%S}",
        "completed": f"{file.completed_at.astimezone():%Y-%m-%d %H:%M:%S}" if file.completed_at else "",
        "thumbnails": pictures,
        "scan": " ".join(str(scan[key]) for key in ("scanner", "verdict", "signature") if scan.get(key)),
        "error": f"{file.error.detail} [{file.error.code}]" if file.error else "",
    }
