"""One call of the Graph API: its form, whose it is, then what it does."""

from dataclasses import dataclass
from typing import Any

from connectors.formats.messaging import check_request
from connectors.formats.shapes import Upload
from connectors.simulator.files import Stored
from connectors.simulator.messaging.objects import Account, Attached, Json, Person, new_attachment_id
from connectors.simulator.messaging.people import People
from connectors.simulator.messaging.refusals import (
    TooOften,
    nobody,
    not_fetched,
    outside,
    refusal,
    too_large,
    unavailable,
)
from connectors.simulator.messaging.world import World, post, tell
from connectors.simulator.meta.errors import bad_token, no_such_object
from connectors.simulator.meta.people import HOUR_S
from connectors.simulator.meta.webhooks import Shake

ME = "me"


@dataclass(frozen=True)
class Api:
    world: World
    shake: Shake

    async def call(self, token: str, node: str, edge: str, body: Any, file: Stored | None) -> Json:
        """The whole answer; raises `GraphError`."""
        is_of_app = edge == "subscriptions"
        account = self._app(token, node) if is_of_app else self.account(token, node, "POST")
        if wrong := check_request(self.world.kind.name, edge, body):
            raise refusal(wrong[0])
        match edge:
            case "subscriptions":
                return await self._register(account, body)
            case "subscribed_apps":
                return self._subscribe(account, body)
            case "message_attachments":
                return self._upload(account, body, file)
            case _:
                return self._send(account, body)

    def account(self, token: str, node: str, method: str) -> Account:
        """Whose token this is; it may name itself or its own id."""
        found = self.world.with_token(token)
        if node not in (ME, found.id):
            raise no_such_object(method, node)
        return found

    def me(self, account: Account) -> Json:
        return {"id": account.id, "name": account.name}

    def unsubscribe(self, account: Account) -> Json:
        account.fields = ()
        self.world.memory.write()
        return {"success": True}

    def _app(self, token: str, node: str) -> Account:
        found = next((each for each in self.world.accounts.values() if each.app_token == token), None)
        if found is None:
            raise bad_token()
        if node != found.app_id:
            raise no_such_object("POST", node)
        return found

    async def _register(self, account: Account, body: Json) -> Json:
        """Whoever is there has to know the token."""
        await self.shake(body["callback_url"], body["verify_token"])
        account.app_fields, account.outlet.url = tuple(body["fields"]), body["callback_url"]
        self.world.changed()
        self.world.memory.write()
        return {"success": True}

    def _subscribe(self, account: Account, body: Json) -> Json:
        account.fields = tuple(body["subscribed_fields"])
        self.world.memory.write()
        return {"success": True}

    def _upload(self, account: Account, body: Json, file: Stored | None) -> Json:
        """What a form brings must be what it says; what stands at a URL is not fetched here."""
        attachment = body["message"]["attachment"]
        kind, url = attachment["type"], attachment["payload"].get("url")
        if (file is None) == (url is None):
            raise not_fetched("there must be a file or a URL")
        if isinstance(upload := body.get("filedata"), Upload):
            self._check_file(kind, upload)
        attachment_id = new_attachment_id()
        self.world.bring(attachment_id, Attached(account.id, kind, file, url))
        return {"attachment_id": attachment_id}

    def _check_file(self, kind: str, upload: Upload) -> None:
        files = self.world.kind.channel.files
        limit = {"image": files.image, "video": files.video, "audio": files.audio}.get(kind, files.file)
        if upload.size > limit.max_bytes:
            raise too_large()
        if limit.types and upload.content_type not in limit.types:
            raise not_fetched(f"{upload.content_type} is no {kind}")
        if self.world.kind.name == "instagram" and not upload.filename.isascii():
            raise not_fetched("the name of the file is not ASCII")

    def _send(self, account: Account, body: Json) -> Json:
        person = self.world.people.get(body["recipient"]["id"])
        if person is None:
            raise nobody(self.world.kind)
        if account.id in person.blocked or self.world.faults.hit_either("blocked", chat=person.id):
            raise unavailable()
        if "message" not in body:
            if body["sender_action"] == "mark_seen":
                self._see(account, person)
            return {"recipient_id": person.id}
        self._check_window(account, person, body)
        content = self._content(account, body["message"])
        self._check_rates(account, person, "media" if "attachments" in content else "text")
        return self._sent(account, person, body, content)

    def _see(self, account: Account, person: Person) -> None:
        for message in self.world.messages.values():
            if (message.account, message.person, message.is_ours) == (account.id, person.id, False):
                message.is_read = True

    def _check_window(self, account: Account, person: Person, body: Json) -> None:
        window = self.world.kind.channel.window
        wrote_at = person.wrote_at.get(account.id)
        is_tagged = body.get("tag") == "HUMAN_AGENT"
        hours = (window.people_h if is_tagged else window.hours) if window else None
        if hours and (wrote_at is None or self.world.clock() - wrote_at > hours * HOUR_S):
            raise outside(self.world.kind)

    def _check_rates(self, account: Account, person: Person, of: Any) -> None:
        if flood := self.world.faults.hit_either("flood", chat=person.id):
            raise TooOften(flood.seconds)
        if not self.world.limits.take(account.id, of, self.world.clock()):
            raise TooOften()

    def _content(self, account: Account, message: Json) -> Json:
        if "attachment" not in message:
            return {"text": message["text"], "quick_replies": message.get("quick_replies", ())}
        kind, payload = message["attachment"]["type"], message["attachment"]["payload"]
        attached = self.world.brought.get(payload.get("attachment_id", ""))
        if "url" not in payload and (attached is None or (attached.account, attached.type) != (account.id, kind)):
            raise not_fetched("there is no such attachment")
        url = payload.get("url") or (attached and attached.url)
        shown = {"type": kind, "payload": {"url": url} if url else {}}
        return {"attachments": [shown], "quick_replies": message.get("quick_replies", ())}

    def _sent(self, account: Account, person: Person, body: Json, content: Json) -> Json:
        attached = self._attached(body["message"])
        stored = attached.stored if attached else None
        reply_to = body.get("reply_to", {}).get("mid")
        message = post(self.world, account, person, True, reply_to=reply_to, stored=stored, **content)
        more = {"size": stored.size, "sha256": stored.sha256, "text": stored.filename} if stored else {}
        self.world.note("sent", message, **more)
        echo = {"is_echo": True, "app_id": int(account.app_id)}
        tell(self.world, account, person, "echo", {"message": message.as_json(echo)}, from_us=True)
        if person.is_online:
            People(self.world).arrive(person, account, [message])
        return {"recipient_id": person.id, "message_id": message.mid}

    def _attached(self, message: Json) -> Attached | None:
        payload = message.get("attachment", {}).get("payload", {})
        return self.world.brought.get(payload.get("attachment_id", ""))
