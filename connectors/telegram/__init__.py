"""Telegram bots: the connector over the Bot API (https://core.telegram.org/bots/api)."""

import hmac
import mimetypes
from collections.abc import AsyncIterator
from typing import Any, TypeVar

import httpx
import msgspec

from connectors.sdk import (
    Account,
    Attachment,
    Forged,
    Inbound,
    Outbound,
    OutboundFile,
    Place,
    Refused,
    Sent,
    Update,
    WebhookRequest,
)
from connectors.telegram import inbound
from connectors.telegram.api import Api
from connectors.telegram.failures import Moved
from connectors.telegram.settings import Settings
from connectors.telegram.shapes import File, Known, User

__all__ = ["Settings", "Telegram"]

SECRET_HEADER = "x-telegram-bot-api-secret-token"  # noqa: S105, the name of a header
UNNAMED = "application/octet-stream"
T = TypeVar("T")


class Telegram:
    """One bot. External ids are `<chat>/<message>`: message ids are unique in their chat alone."""

    name = "telegram"

    def __init__(self, http: httpx.AsyncClient, settings: Settings) -> None:
        self._settings = settings
        self._api = Api(http, settings)

    async def connect(self, webhook_url: str) -> Account:
        me = await self._api.call("getMe", {}, User)
        webhook = {
            "url": webhook_url,
            "secret_token": self._settings.webhook_secret,
            "max_connections": self._settings.max_connections,
            "allowed_updates": inbound.ASKED_FOR,
        }
        await self._api.call("setWebhook", webhook, bool)
        return Account(str(me.id), me.name)

    async def send_message(self, message: Outbound) -> Sent:
        method, parameters = _written(message)
        sent, moved_to = await self._to_chat(method, message.address, parameters, Known)
        return Sent((sent.external_id,), moved_to)

    async def send_file(self, file: OutboundFile, content: AsyncIterator[bytes]) -> Sent:
        """Announces it first: a chat that moved or refuses us says so before the bytes, which come only once."""
        if file.size < 1:
            raise Refused("bad_request", "a file must have a byte")
        action = {"action": "upload_document"}
        _, moved_to = await self._to_chat("sendChatAction", file.address, action, bool)
        address = moved_to or file.address
        fields = {"chat_id": str(_chat_id(address))} | ({"caption": file.caption} if file.caption else {})
        if reply := _reply(file.reply_to, address):
            fields["reply_parameters"] = msgspec.json.encode(reply).decode()
        sent = await self._api.upload("sendDocument", fields, file, content, Known)
        return Sent((sent.external_id,), moved_to)

    def receive(self, request: WebhookRequest) -> list[Update]:
        given = request.headers.get(SECRET_HEADER, "").encode(errors="replace")
        if not hmac.compare_digest(given, self._settings.webhook_secret.encode()):
            raise Forged("the secret token is missing or not ours")
        return inbound.split(request.body, self._settings.bot_id)

    def handle_webhook(self, body: bytes) -> list[Inbound]:
        return inbound.read(body, self._settings.bot_id)

    async def open_file(self, ref: str) -> tuple[Attachment, AsyncIterator[bytes]]:
        file = await self._api.call("getFile", {"file_id": ref}, File)
        if not file.file_path:
            raise Refused("too_large", "the platform gives no path to the file")
        content_type = mimetypes.guess_type(file.file_path)[0] or UNNAMED
        filename = file.file_path.rpartition("/")[2]
        return Attachment(ref, filename, content_type, file.file_size), self._api.download(file.file_path)

    async def answer_press(self, answer: str) -> None:
        await self._api.call("answerCallbackQuery", {"callback_query_id": answer}, bool)

    async def disconnect(self) -> None:
        await self._api.call("deleteWebhook", {}, bool)

    async def _to_chat(
        self, method: str, address: str, parameters: dict[str, Any], result: type[T]
    ) -> tuple[T, str | None]:
        """The result, and where the chat has moved; it is followed once. What was answered stayed behind."""
        try:
            return await self._api.call(method, {"chat_id": _chat_id(address), **parameters}, result), None
        except Moved as moved:
            there = {"chat_id": _chat_id(moved.address), **parameters}
            there.pop("reply_parameters", None)
            return await self._api.call(method, there, result), moved.address


def _written(message: Outbound) -> tuple[str, dict[str, Any]]:
    """Method and parameters; a location bears no name here, the registry says so."""
    content, reply = message.content, _reply(message.reply_to, message.address)
    answering = {"reply_parameters": reply} if reply else {}
    if isinstance(content, Place):
        return "sendLocation", {"latitude": content.latitude, "longitude": content.longitude, **answering}
    return "sendMessage", {"text": content.text, **answering}


def _reply(external_id: str | None, address: str) -> dict[str, Any] | None:
    """None where it stands in another chat; one that is no longer there keeps nothing from being sent."""
    chat, _, number = (external_id or "").partition("/")
    if chat != address or not number.isdecimal():
        return None
    return {"message_id": int(number), "allow_sending_without_reply": True}


def _chat_id(address: str) -> int:
    try:
        return int(address)
    except ValueError:
        raise Refused("not_found", "a chat id is a number") from None
