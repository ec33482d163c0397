"""`parley quarantine …`: commands of the machine itself, which need the database and the store of files."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import msgspec
import typer
from rich.console import Console

from libs.common import mongo, storage
from libs.common.clock import rfc3339
from libs.common.errors import Unavailable
from libs.common.mongo import Document
from libs.common.storage_settings import StorageSettings
from services.files.handlers.quarantine import Quarantine
from services.files.store import FileStore

T = TypeVar("T")

REFUSED = 1
NO_ANSWER = 2
MOST = 1000

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
quarantine = typer.Typer(help="Files that a scanner found something in.", no_args_is_help=True)
app.add_typer(quarantine, name="quarantine")

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
FileId = Annotated[str, typer.Argument(metavar="FILE_ID", help="As the list shows it.")]


@quarantine.command("list")
def list_files(as_json: Json = False) -> None:
    """List what is in quarantine, the oldest first, at most 1,000."""
    found = [_shown(document) for document in _with_quarantine(lambda files: files.files(MOST))]
    lines = [
        f"{f['file_id']}  {f['at']}  {f['owner']}  {f['size']:,} B  {f['signature']}  {f['filename']}" for f in found
    ]
    _say(as_json, {"items": found}, lines or ["Nothing is in quarantine."])


@quarantine.command()
def release(file_id: FileId, as_json: Json = False) -> None:
    """Make it a file like others: what was found was no harm."""
    _done(file_id, _with_quarantine(lambda files: files.release(file_id.lower())), "is released", as_json)


@quarantine.command()
def delete(file_id: FileId, as_json: Json = False) -> None:
    """Delete it, with its bytes, as its owner may."""
    _done(file_id, _with_quarantine(lambda files: files.delete(file_id.lower())), "is deleted", as_json)


def _with_quarantine(work: Callable[[Quarantine], Awaitable[T]]) -> T:
    async def connected() -> T:
        settings = StorageSettings.load()
        async with (
            mongo.connect(settings.mongo, settings.mongo_database) as database,
            storage.connect(settings.place) as objects,
        ):
            return await work(Quarantine(FileStore(database), objects))

    try:
        return asyncio.run(connected())
    except Unavailable as error:
        raise _failure(f"{error}: is the platform up? `make up`", NO_ANSWER) from None


def _done(file_id: str, document: Document | None, words: str, as_json: bool) -> None:
    if document is None:
        raise _failure(f"There is no file {file_id!r} in quarantine.", REFUSED)
    shown = _shown(document)
    _say(as_json, shown, [f"{shown['filename']} of {shown['owner']} {words}."])


def _shown(document: Document) -> dict[str, Any]:
    copied = {name: document[name] for name in ("owner", "filename", "size", "content_type", "sha256", "status", "key")}
    scan = document["scan"]
    found = {"scanner": scan["scanner"], "signature": scan.get("signature", ""), "at": rfc3339(scan["at"])}
    return {"file_id": document["_id"], **copied, **found}


def _say(as_json: bool, document: Any, lines: list[str]) -> None:
    typer.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode() if as_json else "\n".join(lines))


def _failure(words: str, code: int) -> typer.Exit:
    Console(stderr=True, highlight=False, soft_wrap=True).print(words, style="red", markup=False)
    return typer.Exit(code)


if __name__ == "__main__":
    app(prog_name="parley")
