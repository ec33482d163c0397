"""What a person does, and the events that webhooks get from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from connectors.simulator.files import Stored
from connectors.simulator.interface import Impossible, the_only
from connectors.simulator.messaging.objects import Account, Json, Message, Person
from connectors.simulator.messaging.world import World, post, tell
from connectors.simulator.meta.people import Done, write

MOST_EDITS = 5
NAMES = {
    **{"❤️": "love", "❤": "love", "😆": "smile", "😮": "wow"},
    **{"😢": "sad", "😠": "angry", "👍": "like", "👎": "dislike"},
}


@dataclass(frozen=True)
class People:
    world: World

    def add(self, first_name: str, last_name: str | None = None, id: str | None = None, started: bool = True) -> Person:
        """`started`: they have just written to every account that there is."""
        if id is None:
            self.world.people_so_far += 1
            id = str(self.world.kind.first_person + self.world.people_so_far - 1)
        if id in self.world.people:
            raise Impossible(f"there is a person {id} already")
        person = Person(id, first_name, last_name)
        if started:
            person.wrote_at = dict.fromkeys(self.world.accounts, self.world.clock())
        self.world.people[id] = person
        self.world.memory.write_soon()
        return person

    def found(self, who: str) -> Person:
        """By id or first name."""
        matching = [p for p in self.world.people.values() if who in (p.id, p.first_name)]
        return the_only(matching, who)

    def say(self, person: Person, account: Account, reply_to: str | None = None, **content: Any) -> Done:
        """Opens the window anew, and takes back that they blocked the account."""
        if reply_to:
            self.message(account, person, reply_to)
        write(self.world, person, account)
        message = post(self.world, account, person, False, reply_to=reply_to, **content)
        self.world.note("said", message)
        told = tell(self.world, account, person, "message", {"message": message.as_json()})
        return Done(person.id, message.mid, told)

    def edit(self, person: Person, account: Account, mid: str, text: str) -> Done:
        message = self._own(account, person, mid)
        if message.text is None or message.edits == MOST_EDITS:
            raise Impossible(f"people edit texts, {MOST_EDITS} times at most")
        message.text, message.edits = text, message.edits + 1
        self.world.note("edited", message)
        content = {"message_edit": {"mid": mid, "text": text, "num_edit": message.edits}}
        return Done(person.id, mid, tell(self.world, account, person, "message_edit", content))

    def unsend(self, person: Person, account: Account, mid: str) -> Done:
        """What it said is gone here as well."""
        message = self._own(account, person, mid)
        message.is_unsent, message.text, message.attachments, message.stored = True, None, (), None
        self.world.note("deleted", message)
        return Done(person.id, mid, tell(self.world, account, person, "message", {"message": message.as_json()}))

    def react(self, person: Person, account: Account, mid: str, emoji: str | None) -> Done:
        """One reaction to each message; None takes it back."""
        message = self.message(account, person, mid)
        reaction: Json = {"mid": mid, "action": "react" if emoji else "unreact"}
        if emoji:
            message.reactions[person.id] = emoji
            reaction |= {"reaction": NAMES.get(emoji, "other"), "emoji": emoji}
        else:
            message.reactions.pop(person.id, None)
        self.world.note("reacted", message, sender=person.id, kind="reaction", text=emoji or "")
        return Done(person.id, mid, tell(self.world, account, person, "reaction", {"reaction": reaction}))

    def press(self, person: Person, account: Account, mid: str | None, button: str | None) -> Done:
        """A quick reply under a message of ours; where there is none, the account's own button of that name."""
        message = self.message(account, person, mid) if mid else self.world.last(account.id, person.id, is_ours=True)
        replies = message.quick_replies if message else ()
        pressed = next((r for r in replies if button in (None, r["title"], r["payload"])), None)
        if pressed is None and (button is None or mid):
            raise Impossible("there is no such button")
        write(self.world, person, account)
        title, payload = (pressed["title"], pressed["payload"]) if pressed else (button, button)
        said = post(self.world, account, person, False, text=title)
        self.world.note("pressed", said, text=payload)
        if pressed:
            content = said.as_json({"quick_reply": {"payload": payload}})
            return Done(person.id, said.mid, tell(self.world, account, person, "message", {"message": content}))
        postback = {"mid": said.mid, "title": title, "payload": payload}
        return Done(person.id, said.mid, tell(self.world, account, person, "postback", {"postback": postback}))

    def read(self, person: Person, account: Account) -> Done:
        """Everything that stands there; what was not delivered is so by then."""
        newest = self.world.last(account.id, person.id, is_ours=True)
        if newest is None:
            raise Impossible("there is nothing to read")
        told = self.deliver(person, account).updates
        for message in self.world.ours(account.id, person.id):
            message.is_read = True
        by_time = self.world.kind.name == "messenger"
        content = {self.world.kind.seen: {"watermark": newest.at} if by_time else {"mid": newest.mid}}
        return Done(person.id, newest.mid, [*told, *tell(self.world, account, person, "read", content)])

    def deliver(self, person: Person, account: Account, with_mids: bool = True) -> Done:
        """All that has not been; Messenger names the messages or not."""
        return self.arrive(
            person, account, [m for m in self.world.ours(account.id, person.id) if not m.is_delivered], with_mids
        )

    def arrive(self, person: Person, account: Account, messages: Sequence[Message], with_mids: bool = True) -> Done:
        """These have come to their phone, and so has everything before them."""
        if not messages:
            return Done(person.id)
        for message in messages:
            message.is_delivered = True
        delivery: Json = {"mids": [m.mid for m in messages]} if with_mids else {}
        content = {"delivery": {**delivery, "watermark": messages[-1].at}}
        return Done(person.id, messages[-1].mid, tell(self.world, account, person, "delivery", content))

    def message(self, account: Account, person: Person, mid: str) -> Message:
        message = self.world.messages.get(mid)
        if message is None or (message.account, message.person) != (account.id, person.id) or message.is_unsent:
            raise Impossible(f"there is no message {mid} between them")
        return message

    def _own(self, account: Account, person: Person, mid: str) -> Message:
        message = self.message(account, person, mid)
        if message.is_ours:
            raise Impossible("people change messages of their own")
        return message


def shown_file(world: World, stored: Stored, base_url: str, kind: str | None = None) -> list[Json]:
    """As a webhook tells it, with a link; `kind` is by its type. `base_url` ends with a slash."""
    link = world.files.link(stored, world.clock())
    return [{"type": kind or stored.kind("file"), "payload": {"url": f"{base_url}{world.kind.name}/files/{link}"}}]
