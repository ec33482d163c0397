"""One call of the Cloud API: whose it is, its form, limits, then what it does."""

from dataclasses import dataclass
from typing import Any

from connectors.capabilities.channel import FileLimit
from connectors.formats.shapes import Upload
from connectors.formats.whatsapp import Call, check_request
from connectors.simulator.files import Stored
from connectors.simulator.meta.errors import GraphError, no_such_object
from connectors.simulator.meta.webhooks import Shake
from connectors.simulator.whatsapp.objects import Account, Json, Message, Person
from connectors.simulator.whatsapp.people import People
from connectors.simulator.whatsapp.refusals import refused, wrong_media, wrong_parameter
from connectors.simulator.whatsapp.world import CHANNEL, World, add_media, is_open, post

MEDIA = ("image", "audio", "video", "document", "sticker")


@dataclass(frozen=True)
class Api:
    world: World
    shake: Shake

    def number(self, token: str, node: str, method: str) -> Account:
        """Raises `GraphError` where the token is not of this number."""
        account = self.world.with_token(token)
        if node != account.id:
            raise no_such_object(method, node)
        return account

    async def call(self, account: Account, call: Call, body: Any, file: Stored | None) -> Json:
        """The whole answer; raises `GraphError`."""
        if wrong := check_request(call, body):
            raise wrong_parameter(wrong[0], is_message=call == "messages")
        match call:
            case "media":
                return self._upload(account, body, file)
            case "phone":
                return await self._configure(account, body["webhook_configuration"])
            case _:
                return self._mark_read(account, body) if "status" in body else self._send(account, body)

    def about(self, account: Account) -> Json:
        return {"id": account.id, "display_phone_number": account.number, "verified_name": account.name}

    def media(self, account: Account, media_id: str, base_url: str) -> Json:
        media = self.world.brought.get(media_id)
        if media is None or media.account != account.id:
            raise no_such_object("GET", media_id)
        link = self.world.files.link(media.stored, self.world.clock())
        told = {"url": f"{base_url}whatsapp/files/{link}", "mime_type": media.stored.content_type}
        sha256 = {"sha256": media.stored.sha256} if media.stored.sha256 else {}
        return {"messaging_product": "whatsapp", **told, **sha256, "file_size": media.stored.size, "id": media_id}

    async def _configure(self, account: Account, configuration: Json) -> Json:
        """Whoever is there has to know the token."""
        url = configuration["override_callback_uri"]
        if url:
            await self.shake(url, configuration["verify_token"])
        account.outlet.url = url
        self.world.changed()
        self.world.memory.write()
        return {"success": True}

    def _upload(self, account: Account, body: Json, file: Stored | None) -> Json:
        upload = body["file"]
        if file is None or not isinstance(upload, Upload):
            raise wrong_media("(#100) The parameter file is required.")
        limit = limit_of(upload.content_type)
        if upload.size > limit.max_bytes:
            raise wrong_media(f"(#100) Media size exceeds the limit of {limit.max_bytes} bytes")
        return {"id": add_media(self.world, account.id, file)}

    def _mark_read(self, account: Account, body: Json) -> Json:
        message = self.world.messages.get(body["message_id"])
        if message is None or message.is_ours or message.account != account.id:
            raise GraphError(400, 131009, "(#131009) Parameter value is not valid")
        self._see(message)
        return {"success": True}

    def _see(self, newest: Message) -> None:
        """It and what stands before it; phones show it blue."""
        for message in self.world.messages.values():
            if (message.account, message.person, message.is_ours) == (newest.account, newest.person, False):
                message.is_seen = True
            if message is newest:
                return

    def _send(self, account: Account, body: Json) -> Json:
        address = str(body.get("to") or body["recipient"]).removeprefix("+")
        if address == account.number:
            raise refused(131021)
        person = self.world.people.get(address) or self._unknown(address)
        self._check_limits(account, person)
        failing = self._failing(account, person, body["type"])
        if failing == 131047 and self.world.limits.rates.window_by == "answer":
            raise refused(failing)
        message = self._posted(account, person, body)
        People(self.world).sent(person, account, message, failing)
        known = {"wa_id": person.number} if "to" in body else {"user_id": person.user_id}
        contact = {"input": body.get("to") or body["recipient"], **known}
        return {"messaging_product": "whatsapp", "contacts": [contact], "messages": [{"id": message.wamid}]}

    def _unknown(self, address: str) -> Person:
        """Of a number nobody knows before it is tried; a user id is of somebody, or of nobody."""
        if not address.isdecimal():
            found = next((p for p in self.world.people.values() if p.user_id == address), None)
            if found is None:
                raise refused(131026)
            return found
        return Person("", address, "")

    def _check_limits(self, account: Account, person: Person) -> None:
        faults, world = self.world.faults, self.world
        if faults.hit("flood", chat=person.id):
            raise refused(131056)
        if faults.hit("flood"):
            raise refused(130429, 429)
        match world.limits.take(account.id, person.id, world.clock()):
            case "pair":
                raise refused(131056)
            case "throughput":
                raise refused(130429, 429)

    def _failing(self, account: Account, person: Person, kind: str) -> int | None:
        """What a status will say of it, which was taken all the same."""
        if person.id not in self.world.people or self.world.faults.hit_either("blocked", chat=person.id):
            return 131026
        if kind != "template" and not is_open(self.world, account, person):
            return 131047
        return None

    def _posted(self, account: Account, person: Person, body: Json) -> Message:
        kind, content = body["type"], body[body["type"]]
        stored = self._stored(account, content) if kind in MEDIA else None
        reply_to = body.get("context", {}).get("message_id")
        message = post(self.world, account, person, True, kind, content, reply_to)
        more = {"size": stored.size, "sha256": stored.sha256} if stored else {}
        self.world.note("sent", message, **more)
        return message

    def _stored(self, account: Account, content: Json) -> Stored | None:
        """Files are not fetched from links here."""
        if "link" in content:
            return None
        media = self.world.brought.get(content["id"])
        if media is None or media.account != account.id:
            raise refused(131053)
        return media.stored


def limit_of(content_type: str) -> FileLimit:
    files = CHANNEL.files
    kinds = {"image": files.image, "video": files.video, "audio": files.audio}
    return kinds.get(content_type.partition("/")[0], files.file)
