"""What a person does, and what webhooks are told of it."""

from dataclasses import dataclass
from typing import Any

from connectors.simulator.files import Stored
from connectors.simulator.interface import Impossible, the_only
from connectors.simulator.meta.people import Done, write
from connectors.simulator.whatsapp.objects import Account, Json, Message, Person, new_user_id
from connectors.simulator.whatsapp.refusals import as_status_error
from connectors.simulator.whatsapp.world import World, add_media, post, tell

FIRST_NUMBER = 16_505_550_100
PRICING = {"billable": True, "pricing_model": "PMP", "category": "service"}


@dataclass(frozen=True)
class People:
    world: World

    def add(
        self,
        first_name: str,
        number: str | None = None,
        username: str | None = None,
        started: bool = True,
        reads: bool = False,
    ) -> Person:
        """`username`: they show it in place of their number. `started`: they have just written to every number."""
        if number is None and username is None:
            self.world.people_so_far += 1
            number = str(FIRST_NUMBER + self.world.people_so_far - 1)
        person = Person(first_name, number or "", "" if number else new_user_id(), username, reads=reads)
        if person.id in self.world.people:
            raise Impossible(f"there is a person {person.id} already")
        if started:
            person.wrote_at = dict.fromkeys(self.world.accounts, self.world.clock())
        self.world.people[person.id] = person
        self.world.memory.write_soon()
        return person

    def found(self, who: str) -> Person:
        """By number, user id, username or first name."""
        every = self.world.people.values()
        matching = [p for p in every if who.removeprefix("+") in (p.id, p.username, f"@{p.username}", p.first_name)]
        return the_only(matching, who)

    def say(self, person: Person, account: Account, kind: str, content: Any, reply_to: str | None = None) -> Done:
        """Opens the window anew, and takes back that they blocked the number."""
        if reply_to and reply_to not in self.world.messages:
            raise Impossible(f"there is no message {reply_to}")
        write(self.world, person, account)
        message = post(self.world, account, person, False, kind, content, reply_to)
        self.world.note("said", message)
        return self._tell(person, account, message, {kind: content}, self._context(account, person, reply_to))

    def send(
        self,
        person: Person,
        account: Account,
        stored: Stored,
        caption: str | None,
        reply_to: str | None = None,
        **more: Any,
    ) -> Done:
        """`more` is told of a sound."""
        kind = stored.kind("document")
        content: Json = {"id": add_media(self.world, account.id, stored), "mime_type": stored.content_type}
        content |= {"filename": stored.filename} if kind == "document" else {}
        content |= {"caption": caption} if caption and kind != "audio" else {}
        return self.say(person, account, kind, {**content, **(more if kind == "audio" else {})}, reply_to)

    def react(self, person: Person, account: Account, wamid: str, emoji: str | None) -> Done:
        content = {"message_id": wamid, **({"emoji": emoji} if emoji else {})}
        message = post(self.world, account, person, False, "reaction", content, None)
        self.world.note("reacted", message, text=emoji or "")
        return self._tell(person, account, message, {"reaction": content})

    def press(self, person: Person, account: Account, wamid: str, button: str | None) -> Done:
        """`button` is its title or its id; the first where it is None."""
        sent = self.world.messages.get(wamid)
        action = sent.content.get("action", {}) if sent and sent.type == "interactive" else {}
        replies = [each["reply"] for each in action.get("buttons", ())]
        pressed = next((r for r in replies if button in (None, r["title"], r["id"])), None)
        if pressed is None:
            raise Impossible("there is no such button")
        content = {"type": "button_reply", "button_reply": pressed}
        person.wrote_at[account.id] = self.world.clock()
        self.world.memory.write_soon()
        message = post(self.world, account, person, False, "interactive", content, wamid)
        self.world.note("pressed", message, text=pressed["id"])
        context = self._context(account, person, wamid)
        return self._tell(person, account, message, {"interactive": content}, context)

    def change_number(self, person: Person, account: Account, number: str) -> Done:
        """They are known by it from now on; messages to the old one reach nobody."""
        if number in self.world.people:
            raise Impossible(f"there is a person {number} already")
        old = self.world.people.pop(person.id)
        words = f"User {person.first_name} changed from {old.id} to {number}"
        content = {"body": words, "wa_id": number, "type": "user_changed_number"}
        message = post(self.world, account, person, False, "system", content, None)
        self.world.note("changed", message, text=words)
        done = self._tell(person, account, message, {"system": content})
        person.number = number
        self.world.people[number] = person
        self.world.memory.write_soon()
        return done

    def sent(self, person: Person, account: Account, message: Message, failing: int | None) -> None:
        """What becomes of a message of ours, as far as the phone is on and they look at it."""
        if failing:
            self._report(person, account, message, "failed", errors=[as_status_error(failing)])
            return
        self._report(person, account, message, "sent")
        if person.is_online and account.id not in person.blocked:
            self._report(person, account, message, "delivered")
            if person.reads:
                self._report(person, account, message, "read")

    def come_online(self, person: Person, account: Account) -> Done:
        """What waited for the phone is delivered."""
        person.is_online = True
        self.world.memory.write_soon()
        return self._report_all(person, account, "delivered")

    def read(self, person: Person, account: Account) -> Done:
        """All that stands there; of what was not delivered before only that it was read is told."""
        return self._report_all(person, account, "read")

    def play(self, person: Person, account: Account, wamid: str) -> Done:
        message = self.world.messages.get(wamid)
        if message is None or message.type != "audio":
            raise Impossible("only what one can hear is played")
        self._report(person, account, message, "played")
        return Done(person.id, wamid, ["played"])

    def _report_all(self, person: Person, account: Account, status: str) -> Done:
        open_ones = [
            m for m in self.world.ours(account.id, person.id) if not {"failed", "read", status} & {*m.statuses}
        ]
        for message in open_ones:
            self._report(person, account, message, status)
        return Done(person.id, open_ones[-1].wamid if open_ones else None, [status] * len(open_ones))

    def _report(self, person: Person, account: Account, message: Message, status: str, **more: Any) -> None:
        message.statuses.append(status)
        free = {"billable": True, "pricing_model": "PMP", "category": "service"}
        told: Json = {"id": message.wamid, "status": status, "timestamp": self._now(), **person.as_recipient()}
        tell(
            self.world, account, person, "statuses", {**told, **({"pricing": free} if status == "sent" else {}), **more}
        )

    def _tell(
        self, person: Person, account: Account, message: Message, content: Json, context: Json | None = None
    ) -> Done:
        told: Json = {
            **person.as_sender(),
            "id": message.wamid,
            "timestamp": self._now(),
            "type": message.type,
            **content,
        }
        tell(self.world, account, person, "messages", {**told, **({"context": context} if context else {})})
        return Done(person.id, message.wamid, ["message"])

    def _context(self, account: Account, person: Person, wamid: str | None) -> Json | None:
        if wamid is None:
            return None
        is_ours = self.world.messages[wamid].is_ours
        return {"from": account.number if is_ours else person.id, "id": wamid}

    def _now(self) -> str:
        return str(int(self.world.clock()))
