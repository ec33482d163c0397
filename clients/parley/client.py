"""The HTTP calls of Parley, one method a call, and the doors to its sockets."""

import ssl
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from types import TracebackType
from typing import Any
from urllib.parse import quote

import msgspec

from clients.parley.calls import Calls
from clients.parley.errors import ParleyError
from clients.parley.files import Files
from clients.parley.http import Gateway
from clients.parley.live import LiveChat
from clients.parley.objects import (
    Acceptance,
    BatchItem,
    Channel,
    ChannelMapping,
    Conversation,
    Draft,
    History,
    Me,
    Message,
    MessageStatus,
    Page,
    Past,
    Plan,
    Presence,
    Profile,
    Tokens,
    message_body,
)
from clients.parley.operators import Operators
from clients.parley.session import Grant, InMemory, Keeper, grant_of
from clients.parley.socket import ChatSocket
from clients.parley.webhooks import Webhooks
from clients.parley.wire import Resume

PAGE = 100


class ParleyClient:
    """One user's view of Parley; safe for concurrent calls within one event loop.

    `deadline_s` bounds each call, its retries included. A call raises `ProblemError` (the server refused),
    `SessionEndedError` (log in again), `UnreachableError` (no answer within the deadline) or another
    `ParleyError` (an answer out of contract). An access token near its end, or refused, is renewed by the way.
    `attempts` bounds the tries of calls that are safe to repeat. `keeper` holds the tokens, in memory unless
    several processes share them. `verify` takes an SSL context, or False for the self-signed certificate of
    development; `storage_verify` is the same for the store of `files`, where it differs. Proxies from the environment
    are not used."""

    def __init__(
        self,
        url: str = "http://127.0.0.1:8080",
        *,
        access_token: str | None = None,
        keeper: Keeper | None = None,
        deadline_s: float = 15.0,
        attempts: int = 5,
        verify: ssl.SSLContext | bool = True,
        storage_verify: ssl.SSLContext | bool | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._verify = verify
        self._attempts = attempts
        gateway = Gateway(self.url, attempts=attempts, verify=verify)
        first = Grant(access_token) if access_token else None
        self._calls = Calls(gateway, keeper or InMemory(first), deadline_s)
        self.session = self._calls.session
        self.webhooks = Webhooks(self._calls)
        self.files = Files(self._calls, verify if storage_verify is None else storage_verify)

    def operators(self, url: str = "http://127.0.0.1:8203") -> Operators:
        """The calls of operators, at the internal port of a router; to be closed by whoever asks."""
        return Operators(self._calls, url, attempts=self._attempts, verify=self._verify)

    async def __aenter__(self) -> "ParleyClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; sockets opened by `socket()` and `live()` live on their own."""
        await self.files.close()
        await self._calls.close()

    @property
    def access_token(self) -> str | None:
        """The token of the calls now. One that is set by hand is not renewed."""
        return self.session.grant.access_token if self.session.grant else None

    @access_token.setter
    def access_token(self, token: str | None) -> None:
        self.session.take(Grant(token) if token else None)

    # Accounts

    async def register(self, username: str, password: str, display_name: str | None = None) -> Profile:
        """Make a user; 409 `username_taken`. Never repeated: a lost answer would look like a taken name."""
        body = {"username": username, "password": password, "display_name": display_name}
        return await self._calls.ask_openly(Profile, "/v1/auth/register", body, repeatable=False)

    async def log_in(self, username: str, password: str) -> Tokens:
        """Start a session and use its tokens from here on; 401 `invalid_credentials`."""
        body = {"grant_type": "password", "username": username, "password": password}
        tokens = await self._calls.ask_openly(Tokens, "/v1/auth/token", body)
        self.session.take(grant_of(tokens, time.time()))
        return tokens

    async def log_out(self) -> None:
        """End the session everywhere: its tokens are refused and its sockets closed within 2 s."""
        await self.session.settled()
        grant = self.session.grant
        if grant is not None:
            await self.revoke(grant.refresh_token or grant.access_token)
        self.session.take(None)

    async def revoke(self, token: str) -> None:
        """End the session of a refresh or access token; also one that is over or unknown is answered so."""
        await self._calls.ask_openly(None, "/v1/auth/revoke", {"token": token})

    async def me(self) -> Me:
        """The caller's own account, with roles and channel mappings."""
        return await self._calls.ask(Me, "GET", "/v1/users/me")

    async def user(self, username: str) -> Profile:
        """What everybody may see of a user; 404 for nobody."""
        return await self._calls.ask(Profile, "GET", f"/v1/users/{quote(username, safe='')}")

    async def map_channel(self, channel: str, address: str) -> ChannelMapping:
        """Say where the caller is on a channel (telegram, whatsapp, …); 409 `address_taken`.

        Where the platform asks for a proof, a code is sent there for `verify_channel`: the mapping is not `in_use`."""
        path = f"/v1/users/me/channels/{quote(channel, safe='')}"
        mapping = await self._calls.ask(dict[str, Any], "PUT", path, {"address": address})
        return msgspec.convert({"channel": channel, "address": address, **mapping}, ChannelMapping)

    async def verify_channel(self, channel: str, code: str) -> ChannelMapping:
        """Prove the address by the code that was sent there; 422 `wrong_code`, 410 `code_expired`, 429."""
        path = f"/v1/users/me/channels/{quote(channel, safe='')}/verify"
        return await self._calls.ask(ChannelMapping, "POST", path, {"code": code})

    async def unmap_channel(self, channel: str) -> None:
        """Take the caller's address on a channel away."""
        await self._calls.ask(None, "DELETE", f"/v1/users/me/channels/{quote(channel, safe='')}")

    async def channels(self) -> tuple[Channel, ...]:
        """What each channel can do, and whether this platform has an account there; `internal` comes first."""
        return await self._calls.ask_for_items(Channel, "GET", "/v1/channels")

    async def presence(self, usernames: Iterable[str]) -> tuple[Presence, ...]:
        """Who is online; people that the caller shares no conversation with are missing from the answer."""
        return await self._calls.ask_for_items(
            Presence, "GET", "/v1/presence", query={"usernames": ",".join(usernames)}
        )

    # Conversations

    async def open_conversation(
        self, members: Iterable[str], *, type: str = "private", title: str | None = None
    ) -> Conversation:
        """Start a conversation with `members` (the caller is added); a private pair's existing one comes back."""
        body = {"type": type, "members": list(members), "title": title}
        repeatable = type == "private"
        return await self._calls.ask(Conversation, "POST", "/v1/conversations", body, repeatable=repeatable)

    async def open_group(self, members: Iterable[str], title: str | None = None) -> Conversation:
        """Start a group of 2 to 256, the caller included. Never repeated: each call makes another group."""
        return await self.open_conversation(members, type="group", title=title)

    async def conversations(self, *, limit: int = 50, cursor: str | None = None) -> Page:
        """The caller's conversations, newest activity first; `limit` 1 to 200."""
        query: dict[str, str | int] = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        return await self._calls.ask(Page, "GET", "/v1/conversations", query=query)

    async def each_conversation(self, *, page: int = PAGE) -> AsyncIterator[Conversation]:
        """All of the caller's conversations, newest activity first, asked for page by page."""
        cursor: str | None = None
        while True:
            found = await self.conversations(limit=page, cursor=cursor)
            for conversation in found.items:
                yield conversation
            cursor = found.next_cursor
            if cursor is None:
                return

    async def conversation(self, conversation_id: str) -> Conversation:
        """One conversation; 404 also for one that the caller is not in."""
        return await self._calls.ask(Conversation, "GET", f"/v1/conversations/{quote(conversation_id, safe='')}")

    # Messages

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
        stores and delivers the message once. `fields` are those of the contract: to, channels or
        route, reply_to, metadata."""
        body = message_body(conversation_id, text, payload, message_id, fields)
        return await self._calls.ask(Acceptance, "POST", "/v1/messages", body)

    async def plan(
        self,
        conversation_id: str,
        text: str | None = None,
        *,
        payload: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> Plan:
        """Where it would go, by which account, adapted how, and why not; nothing is sent. `fields` as for `send`."""
        body = message_body(conversation_id, text, payload, None, fields)
        return await self._calls.ask(Plan, "POST", "/v1/messages/plan", body)

    async def send_file(
        self, conversation_id: str, file_id: str, caption: str | None = None, **fields: Any
    ) -> Acceptance:
        """Send a completed file, with a caption of 1 to 1,024 characters; `fields` as for `send`."""
        payload = {"type": "file", "file_id": file_id} | ({"caption": caption} if caption else {})
        return await self.send(conversation_id, payload=payload, **fields)

    async def send_batch(self, drafts: Iterable[Draft]) -> tuple[BatchItem, ...]:
        """Send 1 to 100 messages at once; the answers stand in their order, and one that is refused fails alone.

        The same drafts again, after an error, store each message once."""
        body = {"messages": [draft.body() for draft in drafts]}
        return await self._calls.ask_for_items(BatchItem, "POST", "/v1/messages/batch", body)

    async def message(self, message_id: str) -> Message:
        """One message, with its status now."""
        return await self._calls.ask(Message, "GET", f"/v1/messages/{quote(message_id, safe='')}")

    async def status(self, message_id: str) -> MessageStatus:
        """The status of a message and its history; right after `send` the server waits up to 2 s for the number."""
        return await self._calls.ask(MessageStatus, "GET", f"/v1/messages/{quote(message_id, safe='')}/status")

    async def history(self, conversation_id: str, *, since: int = 0, limit: int = 50) -> History:
        """Messages with numbers above `since`, ascending; `limit` 1 to 200."""
        return await self._calls.ask(History, "GET", _messages(conversation_id), query={"since": since, "limit": limit})

    async def history_back(self, conversation_id: str, *, before: int | None = None, limit: int = 50) -> Past:
        """Messages with numbers below `before` (or the newest), descending; `limit` 1 to 200."""
        query: dict[str, str | int] = {"order": "desc", "limit": limit}
        if before is not None:
            query["before"] = before
        return await self._calls.ask(Past, "GET", _messages(conversation_id), query=query)

    async def each_message(self, conversation_id: str, *, since: int = 0, page: int = PAGE) -> AsyncIterator[Message]:
        """All messages above `since`, ascending, up to the newest at the time of the last page."""
        while found := await self.history(conversation_id, since=since, limit=page):
            for message in found.items:
                yield message
            since = found.next_since
            if len(found.items) < page:
                return

    async def each_message_back(
        self, conversation_id: str, *, before: int | None = None, page: int = PAGE
    ) -> AsyncIterator[Message]:
        """All messages below `before` (or all), descending, asked for page by page."""
        while found := await self.history_back(conversation_id, before=before, limit=page):
            for message in found.items:
                yield message
            before = found.next_before
            if len(found.items) < page:
                return

    async def mark_read(self, conversation_id: str, sequence_number: int) -> None:
        """Everything up to `sequence_number` is read by the caller."""
        path = f"/v1/conversations/{quote(conversation_id, safe='')}/read"
        await self._calls.ask(None, "POST", path, {"sequence_number": sequence_number})

    # Sockets

    def socket(self, *, resume: Resume | None = None) -> ChatSocket:
        """One connection of the same user, to be entered with `async with`; see `live` for one that comes back."""
        if self.access_token is None:
            raise ParleyError("log in before opening a socket")
        return ChatSocket(self.url, self.access_token, resume=resume, verify=self._verify)

    def live(
        self,
        *,
        known: Mapping[str, int] | None = None,
        buffer: int = 1000,
        deadline_s: float = 30.0,
        patience_s: float = 3600.0,
    ) -> LiveChat:
        """Everything new for this user across cuts and restarts, to be entered with `async with`; see `LiveChat`."""
        return LiveChat(self, known=known, buffer=buffer, deadline_s=deadline_s, patience_s=patience_s)


def _messages(conversation_id: str) -> str:
    return f"/v1/conversations/{quote(conversation_id, safe='')}/messages"
