"""One account's conversations over the Send API: what is the same on both platforms.

https://developers.facebook.com/docs/graph-api/reference/page/messages
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import httpx
import msgspec
from msgspec.structs import replace

from connectors import meta, sdk
from connectors.capabilities import CHANNELS
from connectors.messaging import inbound
from connectors.messaging.failures import MEANINGS, outside_window
from connectors.messaging.hosts import is_of
from connectors.messaging.inbound import Source
from connectors.messaging.settings import Settings
from connectors.messaging.shapes import Answer, Me, Success, Uploaded
from connectors.meta import Graph

KINDS = ("image", "video", "audio")
TAGGED = {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}


class Inbox:
    """The connector of both. External ids are the platform's `mid`.

    `node` is what calls go to; `fields` are what the app subscribes, `node_fields` what the node does; `uploads` is
    what a form with a file must say as well.
    """

    def __init__(
        self,
        name: str,
        http: httpx.AsyncClient,
        settings: Settings,
        source: Source,
        node: str,
        *,
        fields: Sequence[str],
        node_fields: Sequence[str],
        uploads: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self._http = http
        self._settings = settings
        self._graph = Graph(http, settings, MEANINGS)
        self._files = CHANNELS[name].files
        self._source = source
        self._node = node
        self._fields = list(fields)
        self._node_fields = list(node_fields)
        self._uploads = uploads or {}

    async def connect(self, webhook_url: str) -> sdk.Account:
        """The app is told of the webhook first: what the account then sends has somewhere to go."""
        me = await self._graph.get("me", Me, fields="id,name")
        if self._settings.app_id:
            await self._register(self._settings.app_id, webhook_url)
        await self._graph.post(f"{self._node}/subscribed_apps", {"subscribed_fields": self._node_fields}, Success)
        return sdk.Account(self._source.account, me.name)

    async def _register(self, app_id: str, webhook_url: str) -> None:
        """With the app's own token. The platform asks for the handshake while this call waits."""
        as_app = replace(self._settings, access_token=f"{app_id}|{self._settings.app_secret}")
        subscription = {
            "object": self._source.object,
            "callback_url": webhook_url,
            "verify_token": self._settings.verify_token,
            "fields": self._fields,
        }
        await Graph(self._http, as_app, MEANINGS).post(f"{app_id}/subscriptions", subscription, Success)

    async def disconnect(self) -> None:
        await self._graph.delete(f"{self._node}/subscribed_apps", Success)

    async def send_message(self, message: sdk.Outbound) -> sdk.Sent:
        if not isinstance(message.content, sdk.Text):
            raise sdk.Refused("bad_request", "a place goes as a link")
        return await self._send(message.address, {"text": message.content.text}, message.reply_to)

    async def send_file(self, file: sdk.OutboundFile, content: AsyncIterator[bytes]) -> sdk.Sent:
        """Brings the file there first, where nobody sees it: whatever goes wrong by then, nothing was sent."""
        attachment = {"type": self._kind(file), "payload": {"is_reusable": True}}
        fields = {**self._uploads, "message": msgspec.json.encode({"attachment": attachment}).decode()}
        named = replace(file, filename=_plain(file.filename))
        try:
            uploaded = await self._graph.upload(
                f"{self._node}/message_attachments", fields, "filedata", named, content, Uploaded
            )
        except sdk.Unreachable as error:
            raise sdk.Unreachable(error.detail, uncertain=False) from None
        shown = {"type": attachment["type"], "payload": {"attachment_id": uploaded.attachment_id}}
        return await self._send(file.address, {"attachment": shown}, file.reply_to)

    def _kind(self, file: sdk.OutboundFile) -> str:
        """What the platform would not show goes as a plain file."""
        kind = file.content_type.partition("/")[0]
        limit = {"image": self._files.image, "video": self._files.video, "audio": self._files.audio}.get(kind)
        return kind if limit and limit.takes(file.content_type, file.size) else "file"

    async def _send(self, address: str, content: Mapping[str, Any], reply_to: str | None) -> sdk.Sent:
        """As an answer; outside the window, where a person of ours writes, once more under the tag that says so."""
        body = {"recipient": {"id": address}, "messaging_type": "RESPONSE", "message": content}
        body |= {"reply_to": {"mid": inbound.mid_of(reply_to)}} if reply_to else {}
        try:
            answer = await self._graph.post(f"{self._node}/messages", body, Answer)
        except sdk.Refused as refused:
            if not outside_window(refused):
                raise
            if not self._settings.human_agent:
                raise sdk.Refused("window_closed", refused.detail) from None
            answer = await self._graph.post(f"{self._node}/messages", body | TAGGED, Answer)
        return sdk.Sent((answer.message_id,))

    def receive(self, request: sdk.WebhookRequest) -> list[sdk.Update]:
        meta.verify(request, self._settings.app_secret)
        return inbound.split(request.body, self._source)

    def handle_webhook(self, body: bytes) -> list[sdk.Inbound]:
        return inbound.read(body, self._source.account)

    def handshake(self, request: sdk.WebhookRequest) -> str:
        return meta.answer_challenge(request, self._settings.verify_token)

    async def open_file(self, ref: str) -> tuple[sdk.Attachment, AsyncIterator[bytes]]:
        """`ref` is the URL that a webhook told: whoever has it may read the file, for some days."""
        if not is_of(ref, self._settings.file_hosts.split(","), self._settings.base_url):
            raise sdk.Refused("not_found", "the file stands at no address of the platform")
        filename, content_type = inbound.named(ref, *inbound.FILES["file"])
        return sdk.Attachment(ref, filename, content_type), self._graph.download(ref, with_token=False)


def _plain(filename: str) -> str:
    """Names of other than ASCII are refused."""
    return "".join(c if c.isascii() and c.isprintable() else "_" for c in filename)
