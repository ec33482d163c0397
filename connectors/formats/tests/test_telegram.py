"""The formats of the Telegram Bot API, against examples of its documentation and against each of their own rules."""

import string
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.formats.shapes import Limits, Upload, Wrong
from connectors.formats.telegram import (
    METHODS,
    SHAPES,
    UPDATE_KINDS,
    check_answer,
    check_request,
    check_update,
    decode_form,
)

ANA = {"id": 4503599627370495, "is_bot": False, "first_name": "Ana"}
CHAT = {"id": 4503599627370495, "type": "private", "first_name": "Ana"}
MESSAGE = {"message_id": 7, "from": ANA, "chat": CHAT, "date": 1764000000, "text": "hi"}

GOOD: dict[str, dict[str, Any]] = {
    "getMe": {},
    "setWebhook": {"url": "https://parley.example/hook"},
    "deleteWebhook": {},
    "getWebhookInfo": {},
    "getUpdates": {},
    "sendMessage": {"chat_id": 42, "text": "hi"},
    "sendDocument": {"chat_id": 42, "document": Upload("a.pdf", 9)},
    "sendPhoto": {"chat_id": 42, "photo": Upload("a.png", 9)},
    "sendLocation": {"chat_id": 42, "latitude": 38.7, "longitude": -9.1},
    "editMessageText": {"chat_id": 42, "message_id": 7, "text": "ho"},
    "deleteMessage": {"chat_id": 42, "message_id": 7},
    "setMessageReaction": {"chat_id": 42, "message_id": 7, "reaction": [{"type": "emoji", "emoji": "👍"}]},
    "answerCallbackQuery": {"callback_query_id": "17"},
    "getFile": {"file_id": "BQACAgIAAxkBAAI"},
    "sendChatAction": {"chat_id": 42, "action": "typing"},
}


@pytest.mark.parametrize("method", METHODS)
def test_the_least_that_each_method_needs_is_right(method: str) -> None:
    assert check_request(method, GOOD[method]) == []


def fields() -> list[tuple[str, str]]:
    return [(method, name) for method in METHODS for name in SHAPES.description.methods[method].fields]


@pytest.mark.parametrize(("method", "name"), fields())
def test_each_field_has_a_type(method: str, name: str) -> None:
    types = SHAPES.description.methods[method].fields[name].types
    value = [] if not types[0].startswith("Array") else "x"
    assert Wrong(name, "type", " or ".join(types)) in check_request(method, {**GOOD[method], name: value})


@pytest.mark.parametrize(
    ("method", "name"), [(m, n) for m, n in fields() if SHAPES.description.methods[m].fields[n].required]
)
def test_each_required_field_is_missed(method: str, name: str) -> None:
    without = {k: v for k, v in GOOD[method].items() if k != name}
    assert check_request(method, without) == [Wrong(name, "missing")]


@pytest.mark.parametrize("method", METHODS)
def test_a_misspelt_field_is_named(method: str) -> None:
    assert check_request(method, {**GOOD[method], "chatid": 1}) == [Wrong("chatid", "unknown")]


def test_a_method_that_is_not_there_is_named() -> None:
    assert check_request("sendPigeon", {}) == [Wrong("", "method", "sendPigeon")]


@pytest.mark.parametrize(
    ("method", "more", "field", "rule"),
    [
        ("sendMessage", {"text": ""}, "text", "length"),
        ("sendMessage", {"text": " \n"}, "text", "length"),
        ("sendMessage", {"text": "x" * 4097}, "text", "length"),
        ("sendMessage", {"text": "\ud83d"}, "text", "encoding"),
        ("sendMessage", {"chat_id": 2**52}, "chat_id", "range"),
        ("sendMessage", {"chat_id": 2**63}, "chat_id", "range"),
        ("sendMessage", {"chat_id": True}, "chat_id", "type"),
        ("sendMessage", {"chat_id": ""}, "chat_id", "form"),
        ("sendMessage", {"chat_id": "ana"}, "chat_id", "form"),
        ("sendMessage", {"parse_mode": "BBCode"}, "parse_mode", "choice"),
        ("sendMessage", {"reply_parameters": {}}, "reply_parameters.message_id", "missing"),
        ("sendMessage", {"reply_parameters": {"message_id": 0}}, "reply_parameters.message_id", "range"),
        ("sendMessage", {"reply_parameters": {"message_id": "7"}}, "reply_parameters.message_id", "type"),
        (
            "sendMessage",
            {"reply_parameters": {"message_id": 7, "quote": "x" * 1025}},
            "reply_parameters.quote",
            "length",
        ),
        ("sendMessage", {"entities": [{"type": "bold", "offset": 0}]}, "entities.0.length", "missing"),
        ("sendMessage", {"entities": [{"type": "loud", "offset": 0, "length": 1}]}, "entities.0.type", "choice"),
        ("sendMessage", {"entities": [{"type": "bold", "offset": -1, "length": 1}]}, "entities.0.offset", "range"),
        ("sendMessage", {"reply_markup": {"inline_keyboard": [{}]}}, "reply_markup.inline_keyboard.0", "type"),
        ("sendDocument", {"caption": "x" * 1025}, "caption", "length"),
        ("sendDocument", {"document": Upload("a", 50 * 1024 * 1024 + 1)}, "document", "size"),
        ("sendDocument", {"document": Upload("a", 0)}, "document", "size"),
        ("sendDocument", {"document": ""}, "document", "length"),
        ("sendPhoto", {"photo": Upload("a", 10 * 1024 * 1024 + 1)}, "photo", "size"),
        ("sendLocation", {"latitude": 90.1}, "latitude", "range"),
        ("sendLocation", {"longitude": float("nan")}, "longitude", "range"),
        ("sendLocation", {"live_period": 59}, "live_period", "range"),
        ("sendLocation", {"heading": 0}, "heading", "range"),
        ("setWebhook", {"max_connections": 101}, "max_connections", "range"),
        ("setWebhook", {"secret_token": ""}, "secret_token", "length"),
        ("setWebhook", {"secret_token": "x" * 257}, "secret_token", "length"),
        ("setWebhook", {"secret_token": "a.b"}, "secret_token", "form"),
        ("setWebhook", {"secret_token": "a\n"}, "secret_token", "form"),
        ("setWebhook", {"allowed_updates": ["message", "read"]}, "allowed_updates.1", "choice"),
        ("getUpdates", {"limit": 101}, "limit", "range"),
        ("editMessageText", {"inline_message_id": "3"}, "chat_id", "together"),
        ("setMessageReaction", {"reaction": [{"type": "paid"}] * 2}, "reaction", "items"),
        ("setMessageReaction", {"reaction": [{"type": "emoji"}]}, "reaction.0.emoji", "missing"),
        ("setMessageReaction", {"reaction": [{"type": "emoji", "emoji": "🦤"}]}, "reaction.0.emoji", "choice"),
        ("answerCallbackQuery", {"text": "x" * 201}, "text", "length"),
        ("sendChatAction", {"action": "sleeping"}, "action", "choice"),
    ],
)
def test_what_the_documentation_forbids_is_found(method: str, more: dict[str, Any], field: str, rule: str) -> None:
    assert (field, rule) in [(w.field, w.rule) for w in check_request(method, {**GOOD[method], **more})]


@pytest.mark.parametrize(
    ("button", "field", "rule"),
    [
        ({"callback_data": "yes"}, "text", "missing"),
        ({"text": "Yes"}, "url", "together"),
        ({"text": "Yes", "url": "https://a.example", "callback_data": "yes"}, "url", "together"),
        ({"text": "Yes", "callback_data": "é" * 33}, "callback_data", "length"),
    ],
)
def test_a_button_does_one_thing(button: dict[str, str], field: str, rule: str) -> None:
    wrong = check_request("sendMessage", {**GOOD["sendMessage"], "reply_markup": {"inline_keyboard": [[button]]}})
    assert (f"reply_markup.inline_keyboard.0.0.{field}", rule) in [(w.field, w.rule) for w in wrong]


@pytest.mark.parametrize(
    ("method", "more"),
    [
        ("sendMessage", {"text": "😀" * 4096}),
        ("sendMessage", {"chat_id": "-1001234567890", "reply_parameters": {"message_id": 7}}),
        ("sendMessage", {"chat_id": "@parley_news"}),
        ("sendMessage", {"reply_markup": {"inline_keyboard": [[{"text": "Yes", "callback_data": "é" * 32}]]}}),
        ("sendMessage", {"reply_markup": {"remove_keyboard": True}}),
        ("sendDocument", {"document": Upload("a", 50 * 1024 * 1024), "caption": "x" * 1024}),
        ("sendDocument", {"document": "BQACAgIAAxkBAAI"}),
        ("sendLocation", {"latitude": -90, "longitude": 180, "live_period": 0x7FFFFFFF}),
        ("setWebhook", {"secret_token": "A-z_9" * 51, "allowed_updates": ["message", "message_reaction"]}),
        ("setMessageReaction", {"reaction": []}),
    ],
)
def test_what_the_documentation_allows_is_right(method: str, more: dict[str, Any]) -> None:
    assert check_request(method, {**GOOD[method], **more}) == []


def test_every_rule_is_of_a_field_that_exists() -> None:
    owners = {name: set(each.fields) for name, each in SHAPES.description.methods.items()}
    owners |= {name: set(each.fields) for name, each in SHAPES.description.types.items()}
    names = set().union(*owners.values())
    for path in SHAPES.rules.fields:
        owner, _, name = path.partition(".")
        assert name in (names if owner == "*" else owners[owner]), path
    for owner, groups in SHAPES.rules.together.items():
        assert {name for group in groups for name in group} <= owners[owner]
    assert set(SHAPES.rules.together["Update"][0]) == set(UPDATE_KINDS)


def ends() -> Iterator[tuple[str, str, Limits]]:
    for method, name in fields():
        limits = SHAPES.rules.of(method, name)
        if limits.range or limits.length:
            yield method, name, limits


@pytest.mark.parametrize(("method", "name", "limits"), list(ends()))
def test_a_limit_holds_to_its_ends_and_not_beyond(method: str, name: str, limits: Limits) -> None:
    def found(value: object) -> bool:
        wrong = check_request(method, {**GOOD[method], name: value})
        return any(w.field == name and w.rule in ("length", "range") for w in wrong)

    if limits.range:
        low, high = (int(end) for end in limits.range)
        assert (found(low - 1), found(low), found(high), found(high + 1)) == (True, False, False, True)
    if limits.length:
        low, high = limits.length
        assert not found("x" * low)
        assert not found("x" * high)
        assert found("x" * (high + 1))
        assert low == 0 or found("x" * (low - 1))


@pytest.mark.parametrize(
    "body",
    [
        {"message": MESSAGE},
        {"edited_message": {**MESSAGE, "edit_date": 1764000009}},
        {"message": {**MESSAGE, "reply_to_message": {**MESSAGE, "message_id": 6}}},
        {"message": {**MESSAGE, "dice": {"emoji": "🎲", "value": 6}}},
        {"message": {**MESSAGE, "giveaway": {"anything": "is possible here"}}},
        {
            "message_reaction": {
                "chat": CHAT,
                "message_id": 7,
                "user": ANA,
                "date": 1764000000,
                "old_reaction": [],
                "new_reaction": [{"type": "emoji", "emoji": "👍"}],
            }
        },
        {"callback_query": {"id": "17", "from": ANA, "chat_instance": "3", "data": "yes", "message": MESSAGE}},
        {
            "my_chat_member": {
                "chat": CHAT,
                "from": ANA,
                "date": 1764000000,
                "old_chat_member": {"status": "member", "user": ANA},
                "new_chat_member": {"status": "kicked", "user": ANA, "until_date": 0},
            }
        },
    ],
)
def test_updates_of_the_documentation_are_right(body: dict[str, Any]) -> None:
    assert check_update({"update_id": 1, **body}) == []


@pytest.mark.parametrize(
    ("update", "field", "rule"),
    [
        ({"message": MESSAGE}, "update_id", "missing"),
        ({"update_id": 1}, "message", "together"),
        ({"update_id": 1, "message": MESSAGE, "edited_message": MESSAGE}, "message", "together"),
        ({"update_id": 1, "read": {}}, "read", "unknown"),
        ({"update_id": 1, "message": {**MESSAGE, "date": "now"}}, "message.date", "type"),
        ({"update_id": 1, "message": {**MESSAGE, "chat": {"id": 1, "type": "room"}}}, "message.chat.type", "choice"),
        ({"update_id": 1, "message": {**MESSAGE, "chat": {**CHAT, "id": 2.0**52}}}, "message.chat.id", "type"),
        ({"update_id": 1, "message": {**MESSAGE, "from": {"id": 1}}}, "message.from.is_bot", "missing"),
    ],
)
def test_what_is_no_update_is_found(update: dict[str, Any], field: str, rule: str) -> None:
    assert (field, rule) in [(w.field, w.rule) for w in check_update(update)]


def test_answers_are_held_against_what_the_method_returns() -> None:
    assert check_answer("sendMessage", MESSAGE) == []
    assert check_answer("getUpdates", [{"update_id": 1, "message": MESSAGE}]) == []
    assert check_answer("setWebhook", True) == []
    assert check_answer("setWebhook", {}) == [Wrong("", "type", "Boolean")]
    assert check_answer("getFile", {"file_id": "x"}) == [Wrong("file_unique_id", "missing")]


def test_a_form_is_read_as_the_json_that_it_stands_for() -> None:
    upload = Upload("a.pdf", 3)
    form: dict[str, str | Upload] = {
        "chat_id": "42",
        "document": upload,
        "reply_parameters": '{"message_id": 7}',
        "protect_content": "True",
    }
    read = decode_form("sendDocument", form)
    assert read == {"chat_id": "42", "document": upload, "reply_parameters": {"message_id": 7}, "protect_content": True}
    assert check_request("sendDocument", read) == []


def test_a_form_that_does_not_read_is_wrong_in_its_field() -> None:
    read = decode_form("sendLocation", {"chat_id": "42", "latitude": "north", "longitude": "9", "reply_markup": "{"})
    assert [(w.field, w.rule) for w in check_request("sendLocation", read)] == [
        ("latitude", "type"),
        ("reply_markup", "type"),
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["message", "chat", "id", "type", "inline_keyboard"]) | st.text(), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["text", "chat_id", "entities", "reply_markup", *string.ascii_lowercase]), JSON))
def test_no_request_breaks_the_check(parameters: dict[str, Any]) -> None:
    assert isinstance(check_request("sendMessage", parameters), list)


@given(st.dictionaries(st.sampled_from(["update_id", *UPDATE_KINDS]), JSON, max_size=3))
def test_no_update_breaks_the_check(update: dict[str, Any]) -> None:
    assert isinstance(check_update(update), list)
