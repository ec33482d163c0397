"""Where a bot may write: which chat an address means, and the platform's words where it means none."""

from connectors.simulator.telegram.errors import CHAT_NOT_FOUND, ApiError, bad_request, forbidden
from connectors.simulator.telegram.objects import Group, Message, Person
from connectors.simulator.telegram.world import Bot, World


def chat_number(address: int | str | None) -> int | None:
    """None for a name: no chat here has a public one."""
    if isinstance(address, str):
        return None if address.startswith("@") else int(address)
    return address


def find_chat(world: World, bot: Bot, address: int | str) -> Person | Group:
    number = chat_number(address)
    if number in world.groups:
        return _group(world.groups[number], bot)
    if number is None or number not in world.people:
        raise bad_request(CHAT_NOT_FOUND)
    return _private(world.people[number], bot)


def find_message(world: World, bot: Bot, chat: Person | Group, message_id: int, purpose: str) -> Message:
    """`purpose` is the platform's word in "message to delete not found"."""
    message = world.message(bot.id, chat.id, message_id)
    if message is None:
        raise bad_request(f"message to {purpose} not found")
    return message


def _group(group: Group, bot: Bot) -> Group:
    if group.migrated_to is not None:
        words = "group chat was upgraded to a supergroup chat"
        raise bad_request(words, migrate_to_chat_id=group.migrated_to)
    standing = group.members.get(bot.id)
    if standing == "kicked":
        raise forbidden(f"bot was kicked from the {group.type} chat")
    if standing == "left":
        raise forbidden(f"bot is not a member of the {group.type} chat")
    if standing is None:
        raise bad_request(CHAT_NOT_FOUND)
    return group


def _private(person: Person, bot: Bot) -> Person:
    refused: ApiError | None = None
    if person.is_deactivated:
        refused = forbidden("user is deactivated")
    elif bot.id in person.blocked:
        refused = forbidden("bot was blocked by the user")
    elif bot.id not in person.started:
        refused = bad_request(CHAT_NOT_FOUND)
    if refused:
        raise refused
    return person
