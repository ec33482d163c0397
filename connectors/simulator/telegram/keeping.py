"""What Telegram still knows after an end of its process: bots, their webhooks, and people."""

import msgspec

from connectors.simulator.memory import MOST_PEOPLE
from connectors.simulator.telegram.objects import Person
from connectors.simulator.telegram.world import Webhook, World


class KnownBot(msgspec.Struct, frozen=True):
    token: str
    first_name: str
    username: str
    sees_all: bool
    webhook: Webhook
    allowed: tuple[str, ...]


class Known(msgspec.Struct, frozen=True):
    bots: list[KnownBot]
    people: list[Person]


def tell(world: World) -> Known:
    bots = [
        KnownBot(bot.token, bot.first_name, bot.username, bot.sees_all, bot.webhook, bot.allowed)
        for bot in world.bots.values()
    ]
    return Known(bots, [*world.people.values()][-MOST_PEOPLE:])


def go_on(world: World, known: Known) -> None:
    """A bot that is there from the start stays as it was given."""
    for each in known.bots:
        number = int(each.token.partition(":")[0])
        bot = world.bot_by_id(number) or world.add_bot(each.token, each.first_name, each.username, each.sees_all)
        bot.webhook, bot.allowed = each.webhook, each.allowed
    world.people.update({person.id: person for person in known.people})
