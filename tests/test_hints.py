"""People see who is online and who types, on whatever node they are, and of nobody whom they do not know."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer

from clients.parley import ChatSocket, ParleyError
from clients.parley.frames import PresenceChanged, Typing
from libs.common.events import PRESENCE_EVENTS, PresenceEvent, decode
from tests.conftest import PATIENCE_S, Chat, Device, Person, until
from tests.nodes import Node, another_node

LIFE_S = 15.0  # of a node that dies


async def connect(node: Node, person: Person) -> Device:
    """Past the gateway, to this node."""
    assert person.client.access_token
    socket = ChatSocket(node.url, person.client.access_token)
    await socket.__aenter__()
    device = Device(socket, acknowledges=False)
    await device.caught_up()
    return device


def changes(device: Device, of: Person) -> list[str]:
    return [e.status for e in device.events if isinstance(e, PresenceChanged) and e.username == of.name]


async def online(by: Person, *people: Person) -> list[str]:
    return [p.username for p in await by.client.presence([p.name for p in people]) if p.status == "online"]


async def online_if_known(by: Person, *people: Person) -> list[str]:
    try:
        return await online(by, *people)
    except ParleyError:
        return []


@asynccontextmanager
async def watched(chat: Chat, *names: str) -> AsyncIterator[tuple[Person, Device, list[Person]]]:
    """Wes, who shares a conversation with each of the others and watches them on the gateway's node."""
    wes, *others = [await chat.person(name) for name in ("wes", *names)]
    for other in others:
        await wes.client.open_conversation([other.name])
    device = await wes.connect()
    await device.caught_up()
    yield wes, device, others


async def test_people_see_each_other_come_and_go_and_no_stranger_does(chat: Chat) -> None:
    stranger = await chat.person("sly")
    async with watched(chat, "ana") as (wes, eyes, (ana,)):
        before = await wes.client.presence([ana.name, stranger.name, "nobody"])
        assert [(p.username, p.status, p.last_seen) for p in before] == [(ana.name, "offline", None)]
        phone, laptop = await ana.connect(), await ana.connect()
        await until(lambda: changes(eyes, ana) == ["online"])
        assert await online(wes, ana, wes) == [ana.name, wes.name]
        assert await stranger.client.presence([ana.name, wes.name]) == ()
        await phone.close()
        await laptop.close()
        await until(lambda: changes(eyes, ana) == ["online", "offline"])
        (after,) = await wes.client.presence([ana.name])
    assert (after.status, after.last_seen is None) == ("offline", False)
    assert not changes(eyes, stranger)


async def test_changes_are_events_of_the_user(chat: Chat) -> None:
    topic = chat.stack.topic_prefix + PRESENCE_EVENTS
    async with AIOKafkaConsumer(topic, bootstrap_servers=chat.stack.kafka, auto_offset_reset="earliest") as consumer:
        ana = await chat.person("ana")
        device = await ana.connect()
        online = await change_of(ana, consumer)
        await device.close()
        offline = await change_of(ana, consumer)
    assert (online.status, offline.status) == ("online", "offline")
    assert online.at < offline.at


async def change_of(person: Person, consumer: AIOKafkaConsumer) -> PresenceEvent:
    async with asyncio.timeout(60):
        while (record := await consumer.getone()).key != person.name.encode():
            pass
    return decode(PresenceEvent, record.value)


async def test_the_users_of_a_node_that_was_killed_go_offline_unless_they_are_elsewhere(chat: Chat) -> None:
    async with watched(chat, "ana", "bo") as (wes, eyes, (ana, bo)), another_node(chat.stack, LIFE_S) as node:
        await connect(node, ana)
        await connect(node, bo)
        await bo.connect()
        await until(lambda: changes(eyes, ana) == changes(eyes, bo) == ["online"])
        node.kill()
        await until(lambda: changes(eyes, ana) == ["online", "offline"])
        assert await online(wes, ana, bo) == [bo.name]
    assert changes(eyes, bo) == ["online"]


async def test_who_comes_back_after_a_restart_has_not_been_away(chat: Chat) -> None:
    async with watched(chat, "ana", "bo") as (wes, eyes, (ana, bo)), another_node(chat.stack) as node:
        lost = await connect(node, ana)
        await connect(node, bo)
        await until(lambda: changes(eyes, ana) == changes(eyes, bo) == ["online"])
        node.stop()
        await until(lambda: lost.socket.closed is not None)
        assert lost.socket.closed
        assert lost.socket.closed.code == 1012
        await ana.connect()
        await until(lambda: changes(eyes, bo) == ["online", "offline"])
        assert await online(wes, ana, bo) == [ana.name]
    assert changes(eyes, ana) == ["online"]


async def test_after_redis_died_people_are_online_again(chat: Chat) -> None:
    async with watched(chat, "ana") as (wes, eyes, (ana,)):
        device = await ana.connect()
        await until(lambda: changes(eyes, ana) == ["online"])
        chat.kill("redis")
        async with asyncio.timeout(60):
            while await online_if_known(wes, ana) != [ana.name]:
                await asyncio.sleep(0.1)
        await device.close()
        await until(lambda: changes(eyes, ana)[-1] == "offline")


async def test_typing_is_seen_from_node_to_node(chat: Chat) -> None:
    ana, bo, conversation = await chat.pair()
    here = await ana.connect()
    await here.caught_up()
    async with another_node(chat.stack) as node:
        there = await connect(node, bo)
        await is_seen(here, there, Typing(conversation.conversation_id, ana.name))
        await is_seen(there, here, Typing(conversation.conversation_id, bo.name))


async def is_seen(typist: Device, reader: Device, hint: Typing) -> None:
    """A hint may get lost, so it is given again, as people do who go on typing."""
    async with asyncio.timeout(PATIENCE_S):
        while hint not in reader.events:
            typist.socket.typing(hint.conversation_id)
            await asyncio.sleep(0.5)
