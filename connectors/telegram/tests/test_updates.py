"""Whatever comes to the webhook's door is refused, kept or understood: nothing else is raised, and nothing guessed."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.exam.damage import arrivals, readable
from connectors.sdk import Forged, Unreadable, WebhookRequest
from connectors.telegram import SECRET_HEADER, Settings, Telegram

SECRET = "a-secret-of-tests"
BOT = Telegram(httpx.AsyncClient(), Settings(token="700000001:a_token", webhook_secret=SECRET))
BODY = json.dumps(readable("telegram")[0]).encode()


def arrive(body: bytes, secret: str = SECRET) -> list[Any]:
    return [*BOT.receive(WebhookRequest("POST", {SECRET_HEADER: secret}, {}, body))]


@given(arrivals("telegram"))
def test_whatever_comes_is_read_or_unreadable(body: bytes) -> None:
    try:
        updates = arrive(body)
    except Unreadable:
        return
    assert [update.body for update in updates] == [body]
    try:
        happened = BOT.handle_webhook(body)
    except Unreadable:
        return
    assert {event.provider_id for event in happened} <= {updates[0].provider_id}
    assert {event.address for event in happened} <= {updates[0].address}


@given(st.text(max_size=20).filter(lambda given: given != SECRET))
def test_another_secret_is_forged_whatever_it_is(secret: str) -> None:
    with pytest.raises(Forged):
        arrive(BODY, secret)


def test_two_bots_do_not_take_each_others_updates_for_repetitions() -> None:
    other = Telegram(httpx.AsyncClient(), Settings(token="700000002:a_token", webhook_secret=SECRET))
    request = WebhookRequest("POST", {SECRET_HEADER: SECRET}, {}, BODY)
    (one,), (two,) = BOT.receive(request), other.receive(request)
    assert (one.address, one.body) == (two.address, two.body)
    assert one.provider_id != two.provider_id
