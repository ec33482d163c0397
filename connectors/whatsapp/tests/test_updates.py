"""Whatever comes to the webhook's door is refused, kept or understood: nothing else is raised, and nothing guessed."""

import hmac
import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.exam.damage import arrivals
from connectors.sdk import Arrived, Forged, Reported, Unreadable, Update, WebhookRequest
from connectors.whatsapp import Settings, WhatsApp

SECRET, NUMBER = "a-secret-of-tests", "106540352242922"
SETTINGS = Settings(access_token="EAAtests", app_secret=SECRET, verify_token="v", phone_number_id=NUMBER)
OURS = WhatsApp(httpx.AsyncClient(), SETTINGS)


def arrive(body: bytes, secret: str = SECRET) -> list[Update]:
    signature = "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex()
    return OURS.receive(WebhookRequest("POST", {"x-hub-signature-256": signature}, {}, body))


def test_what_was_written_to_another_number_is_kept_and_not_passed_over() -> None:
    other = {"metadata": {"phone_number_id": "1"}, "messages": [message("16505551234", "hi")]}
    with pytest.raises(Unreadable):
        WhatsApp(httpx.AsyncClient(), SETTINGS).handle_webhook(
            json.dumps({"field": "messages", "value": other}).encode()
        )


def message(number: str, text: str) -> dict[str, Any]:
    return {"from": number, "id": f"wamid.{text}", "timestamp": "1749416383", "type": "text", "text": {"body": text}}


def webhook(**value: Any) -> bytes:
    value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": NUMBER}, **value}
    changes = [{"field": "messages", "value": value}]
    return json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": changes}]}).encode()


@given(arrivals("whatsapp"))
def test_whatever_comes_is_read_or_unreadable(body: bytes) -> None:
    try:
        updates = arrive(body)
    except Unreadable:
        return
    for update in updates:
        try:
            happened = OURS.handle_webhook(update.body)
        except Unreadable:
            continue
        assert {event.provider_id for event in happened} <= {update.provider_id}


@given(st.text(max_size=20).filter(lambda given: given != SECRET))
def test_another_secret_is_forged_whatever_it_is(secret: str) -> None:
    with pytest.raises(Forged):
        arrive(webhook(), secret)


@given(st.lists(st.tuples(st.sampled_from(["16505551234", "4366012345678"]), st.booleans()), max_size=8))
def test_a_thing_that_cannot_be_read_spoils_none_beside_it(said: list[tuple[str, bool]]) -> None:
    messages = [message(number, str(n)) if good else {"id": 7} for n, (number, good) in enumerate(said)]
    read, unread = [], 0
    for update in arrive(webhook(messages=messages)):
        try:
            read += OURS.handle_webhook(update.body)
        except Unreadable:
            assert update.address == ""
            unread += 1
    expected = [(number, str(n)) for n, (number, good) in enumerate(said) if good]
    assert [(e.address, e.content.text) for e in read if isinstance(e, Arrived)] == expected  # type: ignore[union-attr]
    assert unread == len([good for _, good in said if not good]) or not said


def test_what_is_of_other_fields_is_kept_and_says_nothing() -> None:
    changes = [{"field": "account_alerts", "value": {"alert": "x"}}]
    body = json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": changes}]}).encode()
    (update,) = arrive(body)
    assert (update.address, OURS.handle_webhook(update.body)) == ("", [])


def test_each_status_of_a_message_is_told_apart_and_a_repetition_is_not() -> None:
    statuses = [
        {"id": "wamid.A", "status": word, "timestamp": "1749416383", "recipient_id": "16505551234"}
        for word in ("sent", "delivered", "delivered", "read")
    ]
    ids = [update.provider_id for update in arrive(webhook(statuses=statuses))]
    assert ids == ["wamid.A:sent", "wamid.A:delivered", "wamid.A:delivered", "wamid.A:read"]


def test_milliseconds_are_seen_for_what_they_are() -> None:
    said = {**message("16505551234", "hi"), "timestamp": "1749416383000"}
    (update,) = arrive(webhook(messages=[said]))
    (arrived,) = OURS.handle_webhook(update.body)
    assert arrived.at
    assert arrived.at.isoformat() == "2025-06-08T20:59:43+00:00"


def test_a_word_that_says_nothing_of_how_far_a_message_is_is_passed_over() -> None:
    told = {"id": "wamid.A", "status": "deleted", "timestamp": "1749416383", "recipient_id": "16505551234"}
    (update,) = arrive(webhook(statuses=[told, {**told, "status": "read"}]))[:1]
    assert OURS.handle_webhook(update.body) == []
    (read,) = OURS.handle_webhook(arrive(webhook(statuses=[{**told, "status": "read"}]))[0].body)
    assert isinstance(read, Reported)
