"""How a call is made: with the session's token, renewed where it is refused, and an answer of the right shape."""

import asyncio
import time
from collections.abc import Coroutine
from copy import copy
from typing import Any, TypeVar, overload

import msgspec

from clients.parley.errors import ParleyError, ProblemError, UnreachableError
from clients.parley.http import Body, Gateway, Query
from clients.parley.objects import Tokens
from clients.parley.session import Keeper, Session

T = TypeVar("T")

GRACE_S = 8.0  # the server takes a spent refresh token again for 10 s, for answers that got lost


class _Items(msgspec.Struct):
    items: msgspec.Raw


class Calls:
    """Calls of one session. `deadline_s` bounds each, with the renewal and every repeat in it."""

    def __init__(self, gateway: Gateway, keeper: Keeper, deadline_s: float) -> None:
        self._gateway = gateway
        self._deadline_s = deadline_s
        self.session = Session(self._exchange, keeper)

    def at(self, gateway: Gateway) -> "Calls":
        """Calls of the same session at another place; it is renewed where it was begun."""
        other = copy(self)
        other._gateway = gateway
        return other

    async def close(self) -> None:
        await self.session.settled()
        await self._gateway.close()

    @overload
    async def ask_openly(self, shape: type[T], path: str, body: Body, *, repeatable: bool = True) -> T: ...
    @overload
    async def ask_openly(self, shape: None, path: str, body: Body, *, repeatable: bool = True) -> None: ...
    async def ask_openly(self, shape: type[T] | None, path: str, body: Body, *, repeatable: bool = True) -> T | None:
        """A POST that needs no token."""
        end = time.monotonic() + self._deadline_s
        answer = await self._gateway.ask("POST", path, body, repeatable=repeatable, end=end)
        return None if shape is None else _shaped(shape, answer, f"POST {path}")

    @overload
    async def ask(
        self,
        shape: type[T],
        method: str,
        path: str,
        body: Body | None = None,
        *,
        query: Query | None = None,
        repeatable: bool = True,
        deadline_s: float | None = None,
    ) -> T: ...
    @overload
    async def ask(
        self, shape: None, method: str, path: str, body: Body | None = None, *, deadline_s: float | None = None
    ) -> None: ...
    async def ask(
        self,
        shape: type[T] | None,
        method: str,
        path: str,
        body: Body | None = None,
        *,
        query: Query | None = None,
        repeatable: bool = True,
        deadline_s: float | None = None,
    ) -> T | None:
        """A call with the session's token; `shape` None passes the answer over."""
        end = time.monotonic() + (deadline_s or self._deadline_s)
        answer = await self._answer(method, path, body, query, repeatable, end)
        return None if shape is None else _shaped(shape, answer, f"{method} {path}")

    async def ask_for_items(
        self, shape: type[T], method: str, path: str, body: Body | None = None, *, query: Query | None = None
    ) -> tuple[T, ...]:
        """The `items` of the answer."""
        answer = await self.ask(_Items, method, path, body, query=query)
        return tuple(_shaped(list[shape], bytes(answer.items), f"{method} {path}"))  # type: ignore[valid-type]

    async def _answer(
        self, method: str, path: str, body: Body | None, query: Query | None, repeatable: bool, end: float
    ) -> bytes:
        """A token that is refused is renewed, and the call made once more."""
        token = await self._before(end, self.session.token())
        try:
            return await self._gateway.ask(method, path, body, query=query, token=token, repeatable=repeatable, end=end)
        except ProblemError as error:
            if error.status != 401 or token is None:
                raise
            other = await self._before(end, self.session.renew(token))
            if other is None:
                raise
        return await self._gateway.ask(method, path, body, query=query, token=other, repeatable=repeatable, end=end)

    async def _before(self, end: float, asking: Coroutine[Any, Any, str | None]) -> str | None:
        try:
            async with asyncio.timeout(end - time.monotonic()):
                return await asking
        except TimeoutError as error:
            raise UnreachableError(f"{self._gateway.url} did not renew the session in time") from error

    async def _exchange(self, refresh_token: str) -> Tokens:
        body = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        end = time.monotonic() + min(self._deadline_s, GRACE_S)
        return _shaped(Tokens, await self._gateway.ask("POST", "/v1/auth/token", body, end=end), "the renewal")


def _shaped(shape: type[T], answer: bytes, what: str) -> T:
    try:
        return msgspec.json.decode(answer, type=shape)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ParleyError(f"{what} was answered out of contract: {error}") from error
