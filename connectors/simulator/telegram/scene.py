"""Who and where is meant: a bot that need not be named where it is the only one, a chat by its id."""

from dataclasses import dataclass

from connectors.simulator.interface import Impossible
from connectors.simulator.telegram.objects import Group, Person
from connectors.simulator.telegram.people import People
from connectors.simulator.telegram.shapes import InChat
from connectors.simulator.telegram.world import Bot, World


@dataclass(frozen=True)
class Scene:
    world: World

    @property
    def people(self) -> People:
        return People(self.world)

    def bot(self, number: int | None) -> Bot:
        bots = [bot for bot in self.world.bots.values() if number in (None, bot.id)]
        if len(bots) != 1:
            raise Impossible("there is no such bot" if not bots else "there are several bots: say which")
        return bots[0]

    def group(self, number: int) -> Group:
        if number not in self.world.groups:
            raise Impossible(f"there is no group {number}")
        return self.world.groups[number]

    def place(self, person: Person, chat: int | None) -> Person | Group:
        return person if chat in (None, person.id) else self.group(int(chat or 0))

    def at(self, who: str, body: InChat) -> tuple[Person, Person | Group, Bot]:
        """Who does it, where, and with which bot. Raises `Impossible`."""
        person = self.people.found(who)
        return person, self.place(person, body.chat), self.bot(body.bot)

    def last_of(self, sender: int, bot: Bot, where: Person | Group, with_buttons: bool = False) -> int:
        """The newest message of this sender that stands in the chat."""
        owner = self.world.owner(bot.id, where.id)
        for (whose, chat, number), message in reversed(self.world.messages.items()):
            is_here = (whose, chat, message.sender) == (owner, where.id, sender)
            if is_here and (not with_buttons or "reply_markup" in message.body):
                return number
        raise Impossible(f"there is no such message in chat {where.id}")

    def somebody(self, group: Group, who: str | None) -> Person:
        """The one named, else the first who is there."""
        if who is not None:
            return self.people.found(who)
        present = [self.world.people[user] for user in group.members if user in self.world.people and group.has(user)]
        if not present:
            raise Impossible(f"there is nobody in {group.title}")
        return present[0]
