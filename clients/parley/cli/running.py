"""How a command runs and ends: who it speaks for, what its exit code means, and words instead of traces."""

import asyncio
import ipaddress
import os
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
import typer

from clients.parley.cli import output, profiles
from clients.parley.cli.output import clean
from clients.parley.client import ParleyClient
from clients.parley.errors import (
    LocalFileError,
    ParleyError,
    ProblemError,
    SessionEndedError,
    StorageUnreachableError,
    UnreachableError,
)
from clients.parley.session import Keeper
from clients.parley.settings import gateway_url

T = TypeVar("T")

NOT_REACHED = 1
NO_ANSWER = 2
NOT_LOGGED_IN = 3
INTERRUPTED = 130

EXIT_CODES = (
    "Exit codes: 0 done, 1 refused or not reached, 2 no answer (or a wrong command line), 3 not logged in, "
    "130 interrupted."
)


def gateway(url: str | None) -> str:
    return address(url or gateway_url(os.environ))


def address(url: str) -> str:
    """The same without a slash at its end; what no server can be at ends the command."""
    try:
        is_one = httpx.URL(url).scheme in ("http", "https") and bool(urlsplit(url).hostname) and urlsplit(url).port != 0
    except (ValueError, httpx.InvalidURL):
        is_one = False
    if not is_one:
        raise failure(f"{url} is no address of a server, such as http://127.0.0.1:8080.", NO_ANSWER)
    return url.rstrip("/")


def client_of(url: str, keeper: Keeper | None = None) -> ParleyClient:
    """The store of files may be anywhere: what holds for a gateway of this machine need not hold for it."""
    return ParleyClient(url, keeper=keeper, verify=not is_this_machine(url), storage_verify=True)


def speak(url: str | None, as_user: str | None, work: Callable[[ParleyClient, str], Awaitable[T]]) -> T:
    """The result of `work` with a client of the chosen session, and its user's name."""
    where = gateway(url)
    try:
        profile = profiles.chosen(as_user, where, os.environ)
    except profiles.NoSessionError as error:
        raise failure(str(error), NOT_LOGGED_IN) from None

    async def run_it() -> T:
        async with client_of(where, profile) as client:
            return await work(client, profile.username)

    return run(where, run_it(), profile.username)


def run(url: str, work: Coroutine[Any, Any, T], username: str = "USER") -> T:
    """The result of `work`; what the platform at `url` refuses or fails to answer ends the command in words."""
    try:
        return asyncio.run(work)
    except ParleyError as error:
        raise _ended(error, url, username) from None
    except ValueError as error:
        raise failure(str(error), NOT_REACHED) from None
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def _ended(error: ParleyError, url: str, username: str) -> typer.Exit:
    match error:
        case StorageUnreachableError():
            return failure(f"{error}: is it up?", NO_ANSWER)
        case UnreachableError():
            cause = f" ({error.__cause__})" if str(error.__cause__ or "") else ""
            return failure(f"Parley does not answer at {url}: is it up? `make up`{cause}", NO_ANSWER)
        case SessionEndedError():
            words = f"The session of {username} at {url} has ended: `parley login {username}`."
            return failure(words, NOT_LOGGED_IN)
        case profiles.NoSessionError():
            return failure(str(error), NOT_LOGGED_IN)
        case LocalFileError():
            return failure(str(error), NOT_REACHED)
    return failure(f"Parley at {url}: {words_of(error)}", NOT_REACHED)


def failure(words: str, code: int) -> typer.Exit:
    """What to raise: the words are one line on stderr by then."""
    output.line((clean(words), "red"), stderr=True)
    return typer.Exit(code)


def words_of(error: ParleyError) -> str:
    """For people: what is wrong, where, and the code to look up."""
    if not isinstance(error, ProblemError):
        return str(error)
    fields = [f"{field.pointer.removeprefix('/')}: {field.detail}" for field in error.errors]
    said = error.detail or error.problem.title
    told = [said] if all(field.detail not in said for field in error.errors) else []
    return f"{'; '.join(told + fields)} [{error.status} {error.code}]"


def is_this_machine(url: str) -> bool:
    """Where nobody can be in between, a certificate of the machine's own making will do."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
