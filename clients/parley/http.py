"""The HTTP calls of Parley: one method a call, each with a deadline, retried only where a repeat cannot do harm."""

import asyncio
import random
import ssl
import time
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, TypeVar

import httpx
import msgspec

from clients.parley.errors import ParleyError, ProblemError, UnreachableError, read_problem
from clients.parley.objects import (
    Acceptance,
    Conversation,
    History,
    Message,
    MessageStatus,
    Page,
    Profile,
    Tokens,
    message_body,
)
from clients.parley.retry import backoff_s
from clients.parley.socket import ChatSocket
from clients.parley.wire import Resume

T = TypeVar("T")

_MAY_PASS = (429, 503)


class ParleyClient:
    """One user's view of Parley over HTTP; safe for concurrent calls within one event loop.

    `deadline_s` bounds each call, its retries included. A call raises `ProblemError` (the server refused),
    `UnreachableError` (no answer within the deadline) or another `ParleyError` (an answer out of contract).
    `attempts` bounds the tries of calls that are safe to repeat. `verify` takes an SSL context, or False for
    the self-signed certificate of development. Proxies from the environment are not used."""

    def __init__(
        self,
        url: str = "http://127.0.0.1:8080",
        *,
        access_token: str | None = None,
        deadline_s: float = 15.0,
        attempts: int = 5,
        verify: ssl.SSLContext | bool = True,
    ) -> None:
        self.url = url.rstrip("/")
        self.access_token = access_token
        self._deadline_s = deadline_s
        self._attempts = attempts
        self._verify = verify
        self._http = httpx.AsyncClient(base_url=self.url, verify=verify, timeout=deadline_s, trust_env=False)

    async def __aenter__(self) -> "ParleyClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; sockets opened by `socket()` live on their own."""
        await self._http.aclose()

    async def register(self, username: str, password: str, display_name: str | None = None) -> Profile:
        """Make a user; 409 `username_taken`. Never repeated: a lost answer would look like a taken name."""
        body = {"username": username, "password": password, "display_name": display_name}
        return await self._call(Profile, "POST", "/v1/auth/register", body, repeatable=False)

    async def log_in(self, username: str, password: str) -> Tokens:
        """Start a session and use its access token from here on; 401 `invalid_credentials`."""
        body = {"grant_type": "password", "username": username, "password": password}
        tokens = await self._call(Tokens, "POST", "/v1/auth/token", body)
        self.access_token = tokens.access_token
        return tokens

    async def open_conversation(
        self, members: Iterable[str], *, type: str = "private", title: str | None = None
    ) -> Conversation:
        """Start a conversation with `members` (the caller is added); a private pair's existing one comes back."""
        body = {"type": type, "members": list(members), "title": title}
        repeatable = type == "private"
        return await self._call(Conversation, "POST", "/v1/conversations", body, repeatable=repeatable)

    async def conversations(self, *, limit: int = 50, cursor: str | None = None) -> Page:
        """The caller's conversations, newest activity first; `limit` 1 to 200."""
        query: dict[str, str | int] = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        return await self._call(Page, "GET", "/v1/conversations", query=query)

    async def conversation(self, conversation_id: str) -> Conversation:
        """One conversation; 404 also for one that the caller is not in."""
        return await self._call(Conversation, "GET", f"/v1/conversations/{conversation_id}")

    async def send(
        self,
        conversation_id: str,
        text: str | None = None,
        *,
        payload: Mapping[str, Any] | None = None,
        message_id: str | None = None,
        **fields: Any,
    ) -> Acceptance:
        """Send a text of 1 to 4,096 characters (or any `payload`); returns once the message is durable.

        The id is made here unless given, so every retry, also one of the caller's with the same `message_id`,
        stores and delivers the message once. `fields` are those of the contract: to, channels, reply_to, metadata."""
        body = message_body(conversation_id, text, payload, message_id, fields)
        return await self._call(Acceptance, "POST", "/v1/messages", body)

    async def message(self, message_id: str) -> Message:
        """One message, with its status now."""
        return await self._call(Message, "GET", f"/v1/messages/{message_id}")

    async def status(self, message_id: str) -> MessageStatus:
        """The status of a message and its history; right after `send` the server waits up to 2 s for the number."""
        return await self._call(MessageStatus, "GET", f"/v1/messages/{message_id}/status")

    async def history(self, conversation_id: str, *, since: int = 0, limit: int = 50) -> History:
        """Messages with numbers above `since`, ascending; `limit` 1 to 200."""
        query = {"since": since, "limit": limit}
        return await self._call(History, "GET", f"/v1/conversations/{conversation_id}/messages", query=query)

    async def mark_read(self, conversation_id: str, sequence_number: int) -> None:
        """Everything up to `sequence_number` is read by the caller."""
        body = {"sequence_number": sequence_number}
        await self._answer("POST", f"/v1/conversations/{conversation_id}/read", body, None, True)

    def socket(self, *, resume: Resume | None = None) -> ChatSocket:
        """The chat socket of the same user, to be entered with `async with`."""
        if self.access_token is None:
            raise ParleyError("log in before opening a socket")
        return ChatSocket(self.url, self.access_token, resume=resume, verify=self._verify)

    async def _call(
        self,
        shape: type[T],
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str | int] | None = None,
        repeatable: bool = True,
    ) -> T:
        answer = await self._answer(method, path, body, query, repeatable)
        try:
            return msgspec.json.decode(answer.content, type=shape)
        except msgspec.DecodeError as error:
            raise ParleyError(f"{method} {path} was answered out of contract: {error}") from error

    async def _answer(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        query: Mapping[str, str | int] | None,
        repeatable: bool,
    ) -> httpx.Response:
        request = self._request(method, path, body, query)
        end = time.monotonic() + self._deadline_s
        for attempt in range(1, self._attempts + 1):
            try:
                return await self._try(request, end - time.monotonic())
            except ParleyError as error:
                wait_s = backoff_s(attempt, getattr(error, "retry_after_s", None), random.random())
                too_late = time.monotonic() + wait_s >= end or attempt == self._attempts
                if too_late or not repeatable or not _may_pass(error):
                    raise
                await asyncio.sleep(wait_s)
        raise AssertionError("the last attempt returns or raises")

    def _request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        query: Mapping[str, str | int] | None,
    ) -> httpx.Request:
        headers = {"Authorization": f"Bearer {self.access_token}"} if self.access_token else {}
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = msgspec.json.encode({name: value for name, value in body.items() if value is not None})
        return self._http.build_request(method, path, content=content, params=query, headers=headers)

    async def _try(self, request: httpx.Request, left_s: float) -> httpx.Response:
        try:
            async with asyncio.timeout(left_s):
                answer = await self._http.send(request)
        except (httpx.TransportError, TimeoutError) as error:
            raise UnreachableError(f"{self.url} does not answer ({str(error) or 'too late'})") from error
        if answer.is_success:
            return answer
        raise read_problem(answer.status_code, answer.headers, answer.content)


def _may_pass(error: ParleyError) -> bool:
    return isinstance(error, UnreachableError) or (isinstance(error, ProblemError) and error.status in _MAY_PASS)
