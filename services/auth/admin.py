"""`parley keys …` and `parley operators …`: commands of the machine itself, which need its files and its etcd."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar

import msgspec
import typer
from rich.console import Console

from libs.common import etcd
from libs.common.clock import now, rfc3339
from libs.common.errors import Unavailable
from services.auth.domain.accounts import User
from services.auth.domain.keys import Term, terms
from services.auth.handlers.operators import Operators
from services.auth.handlers.rotation import rotate as rotate_keys
from services.auth.settings import Settings
from services.auth.store.keys import KeyFolder
from services.auth.store.operators import EtcdRoles

T = TypeVar("T")

REFUSED = 1
NO_ANSWER = 2
NEXT_TOKEN = "It takes effect with the next token: with a refresh, or within an hour."  # noqa: S105  words, no token

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
keys = typer.Typer(help="The keys that sign access tokens, on this machine.", no_args_is_help=True)
operators = typer.Typer(help="Who may operate the platform. Needs this machine's etcd.", no_args_is_help=True)
app.add_typer(keys, name="keys")
app.add_typer(operators, name="operators")

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Username = Annotated[str, typer.Argument(metavar="USER", help="The username.")]


@keys.command()
def rotate(as_json: Json = False) -> None:
    """Make a new key, and remove those whose last token has expired.

    The new key is published at once and signs 65 seconds later, when nobody keeps an older list of keys any more.
    Tokens of the old key stay valid until they expire. May be interrupted and repeated at any time: while a new key
    waits for its turn, no other is made."""
    done = _with_folder(lambda folder: rotate_keys(folder, now(), lambda: secrets.token_hex(4)))
    shown = {"key_id": done.newest.key_id, "is_new": done.is_new, "signs_from": rfc3339(done.newest.signs_from)}
    words = "is published" if done.is_new else "waits for its turn already"
    lines = [f"Key {done.newest.key_id} {words}; it signs from {_at(done.newest.signs_from)}."]
    lines += [f"Key {key_id} is removed: its last token has expired." for key_id in done.removed]
    _say(as_json, {**shown, "removed": done.removed}, lines)


@keys.command("list")
def list_keys(as_json: Json = False) -> None:
    """List the keys, the oldest first, and what each does until when."""
    at = now()
    found = _with_folder(lambda folder: terms(folder.key_ids()))
    _say(as_json, {"items": [_shown(term, at) for term in found]}, [_line(term, at) for term in found])


@operators.command()
def grant(username: Username, as_json: Json = False) -> None:
    """Make a user an operator, with their next token."""
    user = _with_roles(lambda roles: roles.grant(username))
    _say_roles(username, user, f"{username} is an operator.", as_json)


@operators.command()
def revoke(username: Username, as_json: Json = False) -> None:
    """Make an operator a plain user again, with their next token."""
    user = _with_roles(lambda roles: roles.revoke(username))
    _say_roles(username, user, f"{username} is no operator.", as_json)


@operators.command("list")
def list_operators(as_json: Json = False) -> None:
    """List the operators."""
    names = _with_roles(lambda roles: roles.names())
    _say(as_json, {"items": names}, names or ["There is no operator."])


def _with_folder(work: Callable[[KeyFolder], T]) -> T:
    folder = Settings.load().keys
    try:
        return work(KeyFolder(folder.resolve(strict=True)))
    except OSError as error:
        raise _failure(f"The folder of keys, {folder}, cannot be used: {error.strerror}.", REFUSED) from None


def _with_roles(work: Callable[[Operators], Awaitable[T]]) -> T:
    async def connected() -> T:
        async with etcd.connect(Settings.load().etcd) as registry:
            return await work(Operators(EtcdRoles(registry)))

    try:
        return asyncio.run(connected())
    except Unavailable as error:
        where = Settings.load().etcd
        raise _failure(f"{error} (at {where}): is the platform up? `make up`", NO_ANSWER) from None


def _say_roles(username: str, user: User | None, words: str, as_json: bool) -> None:
    if user is None:
        raise _failure(f"There is no user {username!r}.", REFUSED)
    _say(as_json, {"username": user.username, "roles": user.roles}, [words, NEXT_TOKEN])


def _say(as_json: bool, document: Any, lines: list[str]) -> None:
    typer.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode() if as_json else "\n".join(lines))


def _shown(term: Term, at: datetime) -> dict[str, Any]:
    ends = {"signs_until": term.signs_until, "verifies_until": term.verifies_until}
    times = {name: time and rfc3339(time) for name, time in ends.items()}
    return {"key_id": term.key_id, "state": term.state(at), "signs_from": rfc3339(term.signs_from), **times}


def _line(term: Term, at: datetime) -> str:
    state = term.state(at)
    ends = {"published": term.signs_from, "signs": term.signs_until, "verifies": term.verifies_until}
    word = "signs from" if state == "published" else "until"
    end = ends.get(state)
    return f"{term.key_id:<26} {state}" + (f", {word} {_at(end)}" if end else "")


def _at(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


def _failure(words: str, code: int) -> typer.Exit:
    Console(stderr=True, highlight=False, soft_wrap=True).print(words, style="red", markup=False)
    return typer.Exit(code)


if __name__ == "__main__":
    app(prog_name="parley")
