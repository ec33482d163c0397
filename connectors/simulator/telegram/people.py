"""What a person does, and the updates that bots get from it."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from connectors.formats.telegram import SHAPES
from connectors.simulator.files import Stored
from connectors.simulator.interface import Impossible, the_only
from connectors.simulator.telegram.objects import (
    Group,
    Json,
    Message,
    Person,
    Standing,
    chat_member,
    present,
    text_content,
)
from connectors.simulator.telegram.sending import document, photo
from connectors.simulator.telegram.world import FIRST_GROUP, FIRST_PERSON, FIRST_SUPERGROUP, Bot, World

REACTIONS = SHAPES.description.types["ReactionTypeEmoji"].fields["emoji"].choice


class Done(msgspec.Struct, frozen=True, omit_defaults=True):
    """What came of it; `updates` are those that bots will get."""

    chat: int
    message_id: int | None = None
    updates: list[int] = []
    callback_query_id: str | None = None


@dataclass(frozen=True)
class People:
    world: World

    def add(
        self,
        first_name: str,
        last_name: str | None = None,
        username: str | None = None,
        language_code: str | None = None,
        number: int | None = None,
        started: bool = True,
    ) -> Person:
        """`started`: they have opened every bot that there is, long ago."""
        number = number or next(i for i in _from(FIRST_PERSON) if i not in self.world.people)
        if number in self.world.people:
            raise Impossible(f"there is a person {number} already")
        person = Person(number, first_name, last_name, username, language_code)
        person.started = {bot.id for bot in self.world.bots.values()} if started else set()
        self.world.people[number] = person
        self.world.memory.write_soon()
        return person

    def found(self, who: str) -> Person:
        """By id, username or first name."""
        every = self.world.people.values()
        matching = [p for p in every if who in (str(p.id), p.username, f"@{p.username}", p.first_name)]
        return the_only(matching, who)

    def say(self, person: Person, where: Person | Group, bot: Bot, content: Json, reply_to: int | None) -> Done:
        """Writing to a bot opens it, and takes back that it was blocked."""
        self._check_here(person, where)
        undone = self._open(person, bot) if isinstance(where, Person) else []
        replied = self._message(bot, where, reply_to) if reply_to else None
        message = self.world.post(bot.id, where, person.as_user(), content, replied)
        self.world.note("said", message.owner or None, message)
        told = [self.world.tell(b, "message", where.id, message.body) for b in self._hearing(where, bot, message)]
        return Done(where.id, message.id, [*undone, *(u for u in told if u)])

    def edit(self, person: Person, where: Person | Group, bot: Bot, message_id: int, text: str) -> Done:
        message = self._message(bot, where, message_id)
        if message.sender != person.id or "text" not in message.body:
            raise Impossible("people edit texts of their own")
        kept = {name: value for name, value in message.body.items() if name != "entities"}
        message.body = {**kept, **text_content(text), "edit_date": int(self.world.clock())}
        self.world.note("edited", message.owner or None, message)
        return self._tell_each(self._hearing(where, bot, message), "edited_message", message.body, where, message_id)

    def react(self, person: Person, where: Person | Group, bot: Bot, message_id: int, emoji: str | None) -> Done:
        """In a group only administrators are told."""
        if emoji is not None and emoji not in REACTIONS:
            raise Impossible(f"nobody reacts with {emoji}: it is none of Telegram's reactions")
        message = self._message(bot, where, message_id)
        old, new = message.reactions.get(person.id, []), [{"type": "emoji", "emoji": emoji}] if emoji else []
        message.reactions[person.id] = new
        change = {
            "chat": where.as_chat(),
            "message_id": message_id,
            "user": person.as_user(),
            "date": int(self.world.clock()),
            "old_reaction": old,
            "new_reaction": new,
        }
        self.world.note("reacted", message.owner or None, message, sender=person.id, kind="reaction", text=emoji or "")
        return self._tell_each(self._administrators(where, bot), "message_reaction", change, where, message_id)

    def press(self, person: Person, where: Person | Group, bot: Bot, message_id: int, button: str | None) -> Done:
        """`button` is its text or its data; the first where it is None."""
        message = self._message(bot, where, message_id)
        rows = message.body.get("reply_markup", {}).get("inline_keyboard", [])
        buttons = [b for row in rows for b in row if "callback_data" in b]
        pressed = next((b for b in buttons if button in (None, b["text"], b["callback_data"])), None)
        if pressed is None:
            raise Impossible("there is no such button")
        query = {
            "id": str(secrets.randbelow(2**63)),
            "from": person.as_user(),
            "message": message.body,
            "chat_instance": str(abs(hash((bot.id, where.id)))),
            "data": pressed["callback_data"],
        }
        sender = next((b for b in self.world.bots.values() if b.id == message.sender), bot)
        self.world.presses[query["id"]] = (sender.id, self.world.clock())
        while len(self.world.presses) > self.world.most_entries:
            del self.world.presses[next(iter(self.world.presses))]
        self.world.note("pressed", sender.id, message, sender=person.id, kind="button", text=query["data"])
        done = self._tell_each([sender], "callback_query", query, where, message_id)
        return msgspec.structs.replace(done, callback_query_id=query["id"])

    def block(self, person: Person, bot: Bot) -> Done:
        person.blocked.add(bot.id)
        self.world.memory.write_soon()
        return self._bot_member(person, person, bot, "member", "kicked")

    def unblock(self, person: Person, bot: Bot) -> Done:
        return Done(person.id, None, self._open(person, bot))

    def make_group(self, title: str, is_super: bool, members: Iterable[Person]) -> Group:
        number = self._free_group(is_super)
        group = Group(number, "supergroup" if is_super else "group", title)
        group.members.update({person.id: "member" for person in members})
        self.world.groups[number] = group
        return group

    def set_bot(self, group: Group, by: Person, bot: Bot, standing: Standing) -> Done:
        """Somebody of the group lets the bot in, makes it an administrator, or sends it away."""
        old = group.members.get(bot.id)
        group.members[bot.id] = standing
        return self._bot_member(by, group, bot, old, standing)

    def join(self, person: Person, group: Group) -> Done:
        return self._membership(person, group, "member", {"new_chat_members": [person.as_user()]})

    def leave(self, person: Person, group: Group) -> Done:
        return self._membership(person, group, "left", {"left_chat_member": person.as_user()})

    def migrate(self, group: Group, by: Person) -> Group:
        """The group becomes a supergroup: another chat, under another id; both tell of it."""
        if group.type != "group" or group.migrated_to is not None:
            raise Impossible("only a group that is none yet becomes a supergroup")
        made = Group(self._free_group(True), "supergroup", group.title, dict(group.members))
        self.world.groups[made.id] = made
        group.migrated_to = made.id
        for where, content in ((group, {"migrate_to_chat_id": made.id}), (made, {"migrate_from_chat_id": group.id})):
            message = self.world.post(0, where, by.as_user(), dict(content), None)
            self.world.note("changed", None, message)
            for bot in self.world.bots_of(where):
                self.world.tell(bot, "message", where.id, message.body)
        return made

    def _membership(self, person: Person, group: Group, standing: Standing, content: Json) -> Done:
        old = group.members.get(person.id)
        group.members[person.id] = standing
        message = self.world.post(0, group, person.as_user(), content, None)
        self.world.note("changed", None, message)
        bots = list(self.world.bots_of(group))
        change = self._change(person, group, person.as_user(), old, standing)
        told = [self.world.tell(bot, "message", group.id, message.body) for bot in bots]
        told += [self.world.tell(b, "chat_member", group.id, change) for b in self._administrators(group, None)]
        return Done(group.id, message.id, [update for update in told if update])

    def _bot_member(self, by: Person, where: Person | Group, bot: Bot, old: Standing | None, new: Standing) -> Done:
        change = self._change(by, where, bot.as_user(), old, new)
        return self._tell_each([bot], "my_chat_member", change, where, None)

    def _change(self, by: Person, where: Person | Group, user: Json, old: Standing | None, new: Standing) -> Json:
        states = {"old_chat_member": chat_member(user, old), "new_chat_member": chat_member(user, new)}
        return {"chat": where.as_chat(), "from": by.as_user(), "date": int(self.world.clock()), **states}

    def _open(self, person: Person, bot: Bot) -> list[int]:
        person.started.add(bot.id)
        self.world.memory.write_soon()
        if bot.id not in person.blocked:
            return []
        person.blocked.discard(bot.id)
        return self._bot_member(person, person, bot, "kicked", "member").updates

    def _tell_each(
        self, bots: Iterable[Bot], kind: str, content: Json, where: Person | Group, message_id: int | None
    ) -> Done:
        told = [self.world.tell(bot, kind, where.id, content) for bot in bots]
        return Done(where.id, message_id, [update for update in told if update])

    def _hearing(self, where: Person | Group, bot: Bot, message: Message) -> list[Bot]:
        if isinstance(where, Person):
            return [bot]
        return [each for each in self.world.bots_of(where) if _hears(each, where, message.body)]

    def _administrators(self, where: Person | Group, bot: Bot | None) -> list[Bot]:
        if isinstance(where, Person):
            return [bot] if bot else []
        return [b for b in self.world.bots_of(where) if where.members[b.id] == "administrator"]

    def _check_here(self, person: Person, where: Person | Group) -> None:
        if person.is_deactivated:
            raise Impossible(f"{person.first_name} has no account any more")
        if isinstance(where, Group) and (not where.has(person.id) or where.migrated_to is not None):
            raise Impossible(f"{person.first_name} is not in {where.title}")

    def _message(self, bot: Bot, where: Person | Group, message_id: int) -> Message:
        message = self.world.message(bot.id, where.id, message_id)
        if message is None:
            raise Impossible(f"there is no message {message_id} in chat {where.id}")
        return message

    def _free_group(self, is_super: bool) -> int:
        first = FIRST_SUPERGROUP if is_super else FIRST_GROUP
        return next(-i for i in _from(first) if -i not in self.world.groups)


def file_content(stored: Stored, caption: str | None, is_photo: bool) -> Json:
    shown: Json = {"photo": photo(stored)} if is_photo else {"document": document(stored)}
    return {**shown, **present({"caption": caption})}


def _hears(bot: Bot, group: Group, body: Json) -> bool:
    """Bots in privacy mode get commands, mentions of themselves and replies to themselves."""
    text = str(body.get("text", body.get("caption", "")))
    replied = body.get("reply_to_message", {}).get("from", {}).get("id")
    is_meant = text.startswith("/") or f"@{bot.username}" in text or replied == bot.id
    return bot.sees_all or group.members[bot.id] == "administrator" or is_meant


def _from(first: int) -> Iterable[int]:
    return iter(range(first, first + 10_000_000))
