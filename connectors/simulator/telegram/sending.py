"""The methods with which a bot says, changes and takes back something."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.simulator.files import Stored
from connectors.simulator.telegram.chats import find_chat, find_message
from connectors.simulator.telegram.errors import bad_request
from connectors.simulator.telegram.objects import Group, Json, Message, Person, present, text_content
from connectors.simulator.telegram.world import Bot, World

DELETABLE_S = 48 * 3_600
SHOWN_PHOTO = {"width": 1280, "height": 960}
NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current "
    "content and reply markup of the message"
)


@dataclass(frozen=True)
class Call:
    """A call whose form is right; `files` came with it, by the name of their field."""

    bot: Bot
    parameters: Json
    files: Mapping[str, Stored]


@dataclass(frozen=True)
class Sending:
    world: World

    def send_message(self, call: Call) -> Json:
        return self._post(call, text_content(call.parameters["text"]))

    def send_location(self, call: Call) -> Json:
        names = ("latitude", "longitude", "horizontal_accuracy", "live_period", "heading", "proximity_alert_radius")
        return self._post(call, {"location": {n: call.parameters[n] for n in names if n in call.parameters}})

    def send_document(self, call: Call) -> Json:
        stored = self._file(call, "document")
        return self._post(call, {"document": document(stored), **_caption(call)}, stored)

    def send_photo(self, call: Call) -> Json:
        stored = self._file(call, "photo")
        return self._post(call, {"photo": photo(stored), **_caption(call)}, stored)

    def edit_text(self, call: Call) -> Json:
        """There are no inline messages here, and no rich ones."""
        if not {"chat_id", "text"} <= call.parameters.keys():
            raise bad_request("MESSAGE_ID_INVALID")
        chat = find_chat(self.world, call.bot, call.parameters["chat_id"])
        message = find_message(self.world, call.bot, chat, call.parameters["message_id"], "edit")
        if message.sender != call.bot.id:
            raise bad_request("message can't be edited")
        if "text" not in message.body:
            raise bad_request("there is no text in the message to edit")
        return self._edit(call, message, {**text_content(call.parameters["text"]), **_markup(call)})

    def delete(self, call: Call) -> bool:
        chat = find_chat(self.world, call.bot, call.parameters["chat_id"])
        message = find_message(self.world, call.bot, chat, call.parameters["message_id"], "delete")
        is_young = self.world.clock() - message.body["date"] < DELETABLE_S
        if not is_young or not self._may_delete(call.bot, chat, message):
            raise bad_request("message can't be deleted")
        del self.world.messages[(message.owner, message.chat, message.id)]
        self.world.note("deleted", call.bot.id, message)
        return True

    def react(self, call: Call) -> bool:
        chat = find_chat(self.world, call.bot, call.parameters["chat_id"])
        message = find_message(self.world, call.bot, chat, call.parameters["message_id"], "react")
        reaction = call.parameters.get("reaction", [])
        message.reactions[call.bot.id] = reaction
        shown = "".join(each.get("emoji", each["type"]) for each in reaction)
        self.world.note("reacted", call.bot.id, message, sender=call.bot.id, kind="reaction", text=shown)
        return True

    def act(self, call: Call) -> bool:
        find_chat(self.world, call.bot, call.parameters["chat_id"])
        return True

    def _post(self, call: Call, content: Json, stored: Stored | None = None) -> Json:
        chat = find_chat(self.world, call.bot, call.parameters["chat_id"])
        reply_to = self._replied(call, chat)
        message = self.world.post(call.bot.id, chat, call.bot.as_user(), {**content, **_markup(call)}, reply_to)
        proof = {"size": stored.size, "sha256": stored.sha256} if stored else {}
        self.world.note("sent", call.bot.id, message, **proof)
        return message.body

    def _replied(self, call: Call, chat: Person | Group) -> Message | None:
        asked = call.parameters.get("reply_parameters")
        if asked is None:
            return None
        is_here = str(asked.get("chat_id", chat.id)) == str(chat.id)
        found = self.world.message(call.bot.id, chat.id, asked["message_id"]) if is_here else None
        if found is None and not asked.get("allow_sending_without_reply"):
            raise bad_request("message to be replied not found")
        return found

    def _edit(self, call: Call, message: Message, content: Json) -> Json:
        shown = ("text", "entities", "reply_markup")
        if {name: message.body[name] for name in shown if name in message.body} == content:
            raise bad_request(NOT_MODIFIED)
        kept = {name: value for name, value in message.body.items() if name not in shown}
        message.body = {**kept, **content, "edit_date": int(self.world.clock())}
        self.world.note("edited", call.bot.id, message)
        return message.body

    def _may_delete(self, bot: Bot, chat: Person | Group, message: Message) -> bool:
        if message.sender == bot.id or isinstance(chat, Person):
            return True
        return chat.members.get(bot.id) == "administrator"

    def _file(self, call: Call, field: str) -> Stored:
        """One that came with the call, or that the platform has; it fetches none from elsewhere."""
        stored = call.files.get(field) or self.world.files.get(str(call.parameters[field]))
        if stored is None:
            raise bad_request("wrong file identifier/HTTP URL specified")
        return stored


def document(stored: Stored) -> Json:
    return {**_ids(stored), "file_name": stored.filename, "mime_type": stored.content_type}


def photo(stored: Stored) -> list[Json]:
    """In one size, and always the same: nobody looks into the picture."""
    return [{**_ids(stored), **SHOWN_PHOTO}]


def _ids(stored: Stored) -> Json:
    return {"file_id": stored.file_id, "file_unique_id": stored.unique_id, "file_size": stored.size}


def _caption(call: Call) -> Json:
    return present({"caption": str(call.parameters.get("caption", "")).strip() or None})


def _markup(call: Call) -> Json:
    """Only buttons in the message itself are part of it."""
    markup: Any = call.parameters.get("reply_markup", {})
    return {"reply_markup": markup} if "inline_keyboard" in markup else {}
