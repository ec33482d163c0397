"""WhatsApp numbers: the connector over Meta's Cloud API (https://developers.facebook.com/docs/whatsapp/cloud-api)."""

from collections.abc import AsyncIterator
from typing import Any

import httpx

from connectors import meta
from connectors.meta import Graph
from connectors.sdk import (
    Account,
    Attachment,
    Inbound,
    Outbound,
    OutboundFile,
    Place,
    Refused,
    Sent,
    Unreachable,
    Update,
    WebhookRequest,
)
from connectors.whatsapp import inbound
from connectors.whatsapp.failures import MEANINGS
from connectors.whatsapp.settings import Settings
from connectors.whatsapp.shapes import Accepted, Done, Known, MediaUrl, Number

__all__ = ["Settings", "WhatsApp"]

KINDS = ("image", "video", "audio")
"""Of files, by their type; anything else goes as a document."""


class WhatsApp:
    """One number. Addresses are the digits of phone numbers, or business-scoped user ids; external ids `wamid.…`."""

    name = "whatsapp"

    def __init__(self, http: httpx.AsyncClient, settings: Settings) -> None:
        self._settings = settings
        self._graph = Graph(http, settings, MEANINGS)

    async def connect(self, webhook_url: str) -> Account:
        """The platform asks the webhook for its handshake before this is answered."""
        ours = self._settings.phone_number_id
        number = await self._graph.get(ours, Number, fields="id,display_phone_number,verified_name")
        await self._tell_webhook(webhook_url, verify_token=self._settings.verify_token)
        return Account(number.id, number.verified_name or number.display_phone_number)

    async def send_message(self, message: Outbound) -> Sent:
        content = message.content
        if isinstance(content, Place):
            named = {"name": content.name} if content.name else {}
            place = {"latitude": content.latitude, "longitude": content.longitude, **named}
            return await self._send(message.address, message.reply_to, "location", place)
        return await self._send(message.address, message.reply_to, "text", {"body": content.text})

    async def send_file(self, file: OutboundFile, content: AsyncIterator[bytes]) -> Sent:
        """First the bytes, which come only once, then the message that names them."""
        if file.size < 1:
            raise Refused("bad_request", "a file must have a byte")
        kind = _kind_of(file.content_type)
        if kind == "audio" and file.caption:
            raise Refused("bad_request", "audio bears no caption")
        named = {"filename": file.filename} if kind == "document" else {}
        captioned = {"caption": file.caption} if file.caption else {}
        media = await self._upload(file, content)
        return await self._send(file.address, file.reply_to, kind, {"id": media.id, **named, **captioned})

    def receive(self, request: WebhookRequest) -> list[Update]:
        meta.verify(request, self._settings.app_secret)
        return inbound.split(request.body)

    def handshake(self, request: WebhookRequest) -> str:
        return meta.answer_challenge(request, self._settings.verify_token)

    def handle_webhook(self, body: bytes) -> list[Inbound]:
        return inbound.read(body, self._settings.phone_number_id)

    async def open_file(self, ref: str) -> tuple[Attachment, AsyncIterator[bytes]]:
        """The address lives five minutes, and wants the token as well."""
        if not ref.isdecimal():
            raise Refused("not_found", "the id of media is a number")
        media = await self._graph.get(ref, MediaUrl)
        filename = f"{ref}{inbound.extension_of(media.mime_type)}"
        attachment = Attachment(ref, filename, inbound.plain_type(media.mime_type), media.size)
        return attachment, self._graph.download(media.url, with_token=True)

    async def disconnect(self) -> None:
        await self._tell_webhook("")

    async def _tell_webhook(self, url: str, **more: str) -> None:
        """The number's own webhook, which goes before that of its business account and of the app."""
        configuration = {"webhook_configuration": {"override_callback_uri": url, **more}}
        await self._graph.post(self._settings.phone_number_id, configuration, Done)

    async def _upload(self, file: OutboundFile, content: AsyncIterator[bytes]) -> Known:
        fields = {"messaging_product": "whatsapp", "type": inbound.plain_type(file.content_type)}
        try:
            path = f"{self._settings.phone_number_id}/media"
            return await self._graph.upload(path, fields, "file", file, content, Known)
        except Unreachable as error:
            raise Unreachable(error.detail, uncertain=False) from None

    async def _send(self, address: str, reply_to: str | None, kind: str, content: dict[str, Any]) -> Sent:
        body = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            _field_of(address): address,
            **({"context": {"message_id": reply_to}} if reply_to else {}),
            "type": kind,
            kind: content,
        }
        accepted = await self._graph.post(f"{self._settings.phone_number_id}/messages", body, Accepted)
        known_as = next((whom.wa_id for whom in accepted.contacts if whom.wa_id), address)
        is_number = address.isdecimal()
        return Sent((accepted.messages[0].id,), known_as if is_number and known_as != address else None)


def _field_of(address: str) -> str:
    """A user id in `to` would be dropped without a word."""
    return "to" if address.isdecimal() else "recipient"


def _kind_of(content_type: str) -> str:
    kind = content_type.partition("/")[0]
    return kind if kind in KINDS else "document"
