"""A service of ours is away for a while in the middle of a load: the others go on without it."""

import pytest

from clients.parley import Arrived, ParleyClient, ParleyError
from tests.conftest import DEADLINE_S, PASSWORD, Chat, until
from tests.load import is_polite, load


async def test_while_auth_is_away_whoever_is_logged_in_goes_on(chat: Chat) -> None:
    async with load(chat) as under, ParleyClient(chat.stack.gateway_url, attempts=1) as client:
        async with chat.stopped("auth"):
            with pytest.raises(ParleyError) as refusal:
                await client.log_in(under.recipient.name, PASSWORD)
            assert is_polite(refusal.value)
            await under.goes_on()
        await chat.whole_again()
        await client.log_in(under.recipient.name, PASSWORD)
        assert under.refusals_but_of_kafka == []
    await under.check_ledger()


async def test_while_the_router_is_away_everything_is_accepted_and_arrives_when_it_is_back(chat: Chat) -> None:
    async with load(chat) as under, ParleyClient(chat.stack.gateway_url, attempts=1) as client:
        client.access_token = under.author.client.access_token
        async with chat.stopped("router"):
            before = under.accepted
            await until(lambda: under.accepted > before + 100)
            with pytest.raises(ParleyError) as refusal:
                await client.status(under.senders[0].accepted[-1])
            assert is_polite(refusal.value)
        await under.goes_on()
        assert under.refusals_but_of_kafka == []
    await under.check_ledger()


async def test_while_the_frontend_is_away_sockets_go_on(chat: Chat) -> None:
    async with load(chat) as under:
        over_sockets = [sender for sender in under.senders if not sender.says_when]
        async with chat.stopped("frontend"):
            await until(lambda: bool(under.refusals))
            await under.goes_on(over_sockets)
        await under.goes_on()
        under.check_answers()
        assert [r for s in over_sockets for r in s.refusals_but_of_kafka] == []
    await under.check_ledger()


async def test_while_presence_is_away_texts_are_accepted_and_devices_get_them_when_it_is_back(chat: Chat) -> None:
    ana, bo, conversation = await chat.pair()
    sent = []
    async with bo.client.live() as live:
        async with chat.stopped("presence"):
            for n in range(100):
                sent.append((await ana.client.send(conversation.conversation_id, f"{n}")).message_id)
            with pytest.raises(ParleyError) as refusal:
                await bo.connect()
            assert is_polite(refusal.value)
        got: list[Arrived] = []
        while len(got) < len(sent):
            event = await live.receive(DEADLINE_S)
            got += [event] if isinstance(event, Arrived) else []
    assert [(m.message_id, m.sequence_number) for m in got] == list(zip(sent, range(1, 101), strict=True))
