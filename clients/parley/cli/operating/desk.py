"""How a command of operators runs: as whom, where, and what its refusals mean."""

import os
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer

from clients.parley.cli.running import NO_ANSWER, address, failure, speak
from clients.parley.client import ParleyClient
from clients.parley.errors import UnreachableError
from clients.parley.operators import Operators
from clients.parley.settings import DEFAULT_OPERATORS, operators_url

T = TypeVar("T")

At = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="URL",
        help=f"The internal port of a router. Default: PARLEY_OPERATORS_URL, else {DEFAULT_OPERATORS}.",
    ),
]


def operate(url: str | None, as_user: str | None, at: str | None, work: Callable[[Operators], Awaitable[T]]) -> T:
    """The result of `work` with the calls of operators."""
    where = address(at or operators_url(os.environ))

    async def with_calls(client: ParleyClient, _: str) -> T:
        async with client.operators(where) as operators:
            try:
                return await work(operators)
            except UnreachableError as error:
                if str(error).startswith(operators.url):
                    words = f"No router answers operators at {where}: is it up? `make up`"
                    raise failure(words, NO_ANSWER) from None
                raise

    return speak(url, as_user, with_calls)
