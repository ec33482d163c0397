"""Two routers share the work: one comes, leaves, dies, or sleeps and wakes up in the middle of a load."""

import signal

import pytest

from tests.conftest import Chat
from tests.load import FOR_TWO_ROUTERS, load
from tests.processes import one_more
from tests.status_events import told_from_now

# a silent router's partitions are another's after 6 s, and the group has to agree on it; machines are noisy
BOUND_S = 45.0


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
async def test_a_router_that_comes_and_goes_holds_nobody_up_for_long(chat: Chat, ending: signal.Signals) -> None:
    async with load(chat, FOR_TWO_ROUTERS) as under:
        async with one_more(chat.stack, "router") as second:
            await second.is_ready()
            await under.goes_on()
            await second.leave(ending)
            assert await under.goes_on() < BOUND_S
        under.check_answers()
    await under.check_ledger()


async def test_a_router_that_slept_through_its_session_wakes_up_and_does_no_harm(chat: Chat) -> None:
    async with told_from_now(chat) as facts:
        async with load(chat, FOR_TWO_ROUTERS) as under, one_more(chat.stack, "router") as second:
            await second.is_ready()
            await under.goes_on()
            second.tell(signal.SIGSTOP)
            await under.goes_on()
            second.tell(signal.SIGCONT)
            await second.works_again()
            await under.goes_on()
            under.check_answers()
            await second.leave()
        await under.check_ledger()
        await facts.check(under)
