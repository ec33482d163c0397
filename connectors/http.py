"""One request to a platform: with a deadline, and in the words of the contract where nothing answers."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, NoReturn

import httpx

from connectors.sdk import Refused, Unreachable

SLOWEST = 128 * 1024  # bytes per second: what is slower is given up


async def request(http: httpx.AsyncClient, method: str, url: str, deadline_s: float, **parts: Any) -> httpx.Response:
    """Whatever is answered within the deadline, redirects too. Raises `Unreachable`."""
    try:
        async with asyncio.timeout(deadline_s):
            return await http.request(method, url, timeout=_timeout(deadline_s), follow_redirects=False, **parts)
    except (httpx.TransportError, TimeoutError) as error:
        raise _no_answer(error) from None


async def download(
    http: httpx.AsyncClient,
    url: str,
    headers: Mapping[str, str],
    wait_s: float,
    refuse: Callable[[httpx.Response], NoReturn],
) -> AsyncIterator[bytes]:
    """Nothing is asked for before the first piece is; `wait_s` is the deadline of each piece, not of the whole.

    Raises `Unreachable`, `Refused` where the URL is none, and what `refuse` raises of an answer other than 200.
    """
    try:
        async with http.stream("GET", url, headers=headers, timeout=_timeout(wait_s), follow_redirects=False) as answer:
            if answer.status_code != 200:
                await answer.aread()
                refuse(answer)
            async for piece in answer.aiter_bytes():
                yield piece
    except httpx.InvalidURL:
        raise Refused("not_found", "the file stands at no address that there can be") from None
    except httpx.TransportError as error:
        raise _no_answer(error) from None


def _timeout(deadline_s: float) -> httpx.Timeout:
    """Waiting for a connection ends before the deadline, so that one can tell that nothing was sent."""
    return httpx.Timeout(deadline_s, connect=deadline_s / 2, pool=deadline_s / 2)


def _no_answer(error: Exception) -> Unreachable:
    """Names the error alone: more may hold the URL, and so a token."""
    never_sent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
    return Unreachable(type(error).__name__, uncertain=not never_sent, taken=not never_sent)
