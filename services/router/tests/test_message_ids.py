"""Ids of inbound messages: the same for the same message, and nobody can tell one beforehand."""

from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from services.router.inbound import MessageIds

OURS, ANOTHERS = MessageIds(uuid4()), MessageIds(uuid4())
WORDS = st.text(min_size=1, max_size=20)


@given(WORDS, WORDS, WORDS)
def test_they_are_the_same_each_time_and_others_in_another_installation(channel: str, account: str, own: str) -> None:
    made = OURS.of(channel, account, own)
    assert made == MessageIds(OURS.namespace).of(channel, account, own) != ANOTHERS.of(channel, account, own)
    assert UUID(made).version == 5
