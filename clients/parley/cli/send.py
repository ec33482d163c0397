"""`parley send`: a text, or a file that is uploaded on the way."""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from clients.parley.cli import output
from clients.parley.cli.conversations import find_or_open, is_id
from clients.parley.cli.options import As, Channels, Json, To, Url
from clients.parley.cli.route import RouteOption, read_route
from clients.parley.cli.running import NOT_REACHED, failure, speak
from clients.parley.cli.upload import show_uploaded, upload_one
from clients.parley.client import ParleyClient
from clients.parley.files import check_file
from clients.parley.objects import Acceptance


def send(
    to: To,
    text: Annotated[list[str] | None, typer.Argument(metavar="TEXT", help="Words; - reads standard input.")] = None,
    file: Annotated[
        str | None, typer.Option("--file", metavar="PATH|FILE_ID", help="Upload this and send it, or send it again.")
    ] = None,
    caption: Annotated[
        str | None, typer.Option("--caption", metavar="TEXT", help="What stands below the file.")
    ] = None,
    channel: Channels = None,
    route: RouteOption = None,
    reply_to: Annotated[str | None, typer.Option("--reply-to", metavar="MESSAGE", help="An id.")] = None,
    message_id: Annotated[
        str | None, typer.Option("--message-id", metavar="ID", help="A UUID of your own: sent twice, stored once.")
    ] = None,
    as_user: As = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Send a text or a file; done means durable.

    Examples: parley send ben "see you at six" · date | parley send ben - · parley send ben --file photo.jpg
    · parley send ben hello --route internal:DELIVERED:60,telegram"""
    steps = read_route(route, channel)
    words = _words(text, file, caption)
    given = Given(to, file, words, silent=as_json) if file else None

    async def work(client: ParleyClient, me: str) -> Acceptance:
        if given:
            given.check()
        chat = await find_or_open(client, to)
        payload = await given.payload(client, me, chat.conversation_id) if given else {"type": "text", "text": words}
        return await client.send(
            chat.conversation_id,
            payload=payload,
            message_id=message_id,
            channels=channel,
            route=steps,
            reply_to=reply_to,
        )

    accepted = speak(url, as_user, work)
    if as_json:
        output.document(accepted)
    else:
        output.line(("✓ accepted", "green"), f"  parley status {accepted.message_id}")


@dataclass(frozen=True)
class Given:
    """A file on this machine, or the id of one that is uploaded already."""

    to: str
    file: str
    caption: str
    silent: bool

    def check(self) -> None:
        """Before anything is asked for on its behalf."""
        if not self._is_uploaded():
            check_file(Path(self.file))

    async def payload(self, client: ParleyClient, me: str, conversation_id: str) -> dict[str, Any]:
        file_id = self.file if self._is_uploaded() else await self._upload(client, me, conversation_id)
        return {"type": "file", "file_id": file_id} | ({"caption": self.caption} if self.caption else {})

    async def _upload(self, client: ParleyClient, me: str, conversation_id: str) -> str:
        words = ["--caption", self.caption] if self.caption else []
        again = shlex.join(["parley", "send", self.to, "--file", self.file, *words])
        made = await upload_one(
            client, me, Path(self.file), again=again, silent=self.silent, conversation_id=conversation_id
        )
        if not self.silent:
            show_uploaded(made)
        return made.file.file_id

    def _is_uploaded(self) -> bool:
        return is_id(self.file) and not Path(self.file).exists()


def _words(text: list[str] | None, file: str | None, caption: str | None) -> str:
    """The text of a text, the caption of a file."""
    words = sys.stdin.read().rstrip("\n") if text == ["-"] else " ".join(text or [])
    if caption is not None and (words or file is None):
        raise failure("--caption goes with --file, and instead of other words.", NOT_REACHED)
    if not words and file is None:
        raise failure("There is nothing to send.", NOT_REACHED)
    return words or caption or ""
