"""Who types is shown to the others, while it costs little."""

import time
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.events import MESSAGE_EVENTS
from libs.common.feed import Entry, pack
from services.presence.domain.rates import Bucket
from services.presence.handlers.typing import AT_ONCE, PER_S
from services.presence.tests.door import Door

FLOOD = 2_000
PING = {"type": "ping"}


def typing(door: Door) -> dict[str, str]:
    return {"type": "typing", "conversation_id": door.scene.conversation}


async def test_the_other_members_devices_are_told_and_nobody_elses(door: Door) -> None:
    typist, own_other = await door.phone(), await door.phone()
    others = [await door.phone(username="ana"), await door.phone(username="ana")]
    stranger = await door.phone(username="cy")
    typist.say(typing(door))
    expected = {"type": "typing", "conversation_id": door.scene.conversation, "username": door.scene.bo}
    assert [await other.hears("typing") for other in others] == [expected, expected]
    await door.scene.cache.ping()
    assert [typist.of("typing"), own_other.of("typing"), stranger.of("typing")] == [[], [], []]


async def test_a_stranger_is_told_that_there_is_no_such_conversation(door: Door) -> None:
    member, stranger = await door.phone(), await door.phone(username="cy")
    stranger.say(typing(door), {"type": "typing", "conversation_id": str(uuid4())})
    for number in (1, 2):
        assert (await stranger.hears("error", number))["problem"]["code"] == "not_found"
    assert not member.of("typing")


@pytest.mark.parametrize("conversation_id", ["rubbish", 7, None])
async def test_a_conversation_that_is_none_is_an_error(door: Door, conversation_id: object) -> None:
    phone = await door.phone()
    phone.say({"type": "typing", "conversation_id": conversation_id}, PING)
    await phone.hears("error")
    await phone.hears("pong")


async def test_a_flood_is_dropped_and_delays_no_message(door: Door) -> None:
    typist, other = await door.phone(), await door.phone(username="ana")
    begin = time.monotonic()
    typist.say(*[typing(door)] * FLOOD, door.text("through"), *[typing(door)] * FLOOD, PING)
    await typist.hears("accepted")
    await typist.hears("pong")
    assert len(door.events(MESSAGE_EVENTS)) == 1
    await other.hears("typing")
    assert len(other.of("typing")) <= AT_ONCE + PER_S * (time.monotonic() - begin)
    assert not typist.of("error")


async def test_a_hint_is_dropped_for_a_device_that_reads_slowly(door: Door) -> None:
    slow, typist = await door.phone(username="ana"), await door.phone()
    slow.transport.underlying_transport.pause_reading()
    large = Entry("ana", pack("status", b'{"error":"' + b"x" * 60_000 + b'"}'))
    await door.scene.append(*[large] * 12)
    typist.say(typing(door), PING)
    await typist.hears("pong")
    slow.transport.underlying_transport.resume_reading()
    await slow.hears("status", 12)
    assert not slow.is_gone


@given(
    pauses=st.lists(st.floats(0, 20), max_size=60), size=st.integers(1, 10), per_s=st.floats(0.1, 5, allow_nan=False)
)
def test_never_more_than_the_size_at_once_and_the_rate_in_the_long_run(
    pauses: list[float], size: int, per_s: float
) -> None:
    at, taken = 100.0, 0
    bucket = Bucket.full(size, per_s, at)
    for pause in pauses:
        at += pause
        taken += bucket.take(at)
        assert taken <= size + (at - 100.0) * per_s + 1e-6
