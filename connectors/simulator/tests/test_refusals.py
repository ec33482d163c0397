"""What the platform refuses, field by field, and in which words; nothing that it refuses leaves a trace."""

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.formats.shapes import Field, Limits, Upload
from connectors.formats.telegram import METHODS, SHAPES
from connectors.simulator.telegram.api import Api
from connectors.simulator.telegram.errors import ApiError
from connectors.simulator.tests.scene import Platform, Small

ANA = 5_000_000_001
GOOD: dict[str, dict[str, Any]] = {
    "getMe": {},
    "setWebhook": {"url": "https://parley.example/hook"},
    "deleteWebhook": {},
    "getWebhookInfo": {},
    "getUpdates": {},
    "sendMessage": {"chat_id": ANA, "text": "hi"},
    "sendDocument": {"chat_id": ANA, "document": Upload("a.pdf", 9)},
    "sendPhoto": {"chat_id": ANA, "photo": Upload("a.png", 9)},
    "sendLocation": {"chat_id": ANA, "latitude": 38.7, "longitude": -9.1},
    "editMessageText": {"chat_id": ANA, "message_id": 7, "text": "ho"},
    "deleteMessage": {"chat_id": ANA, "message_id": 7},
    "setMessageReaction": {"chat_id": ANA, "message_id": 7, "reaction": []},
    "answerCallbackQuery": {"callback_query_id": "17"},
    "getFile": {"file_id": "BQACAgIAAxkBAAI"},
    "sendChatAction": {"chat_id": ANA, "action": "typing"},
}
NOT_OF_THE_TYPE: tuple[tuple[str, Any], ...] = (("Array", {}), ("String", [1]), ("Boolean", 7), ("Integer", "x"))


def misfit(field: Field) -> Any:
    return next((value for name, value in NOT_OF_THE_TYPE if field.types[0].startswith(name)), [])


def beyond(limits: Limits, choice: tuple[str, ...]) -> Iterator[Any]:
    """Values just outside of each thing that prose says of a field."""
    if limits.range:
        yield from (int(limits.range[0]) - 1, int(limits.range[1]) + 1)
    if limits.length:
        yield "x" * (limits.length[1] + 1)
        if limits.length[0]:
            yield "x" * (limits.length[0] - 1)
    if limits.size:
        yield from (Upload("a", limits.size[0] - 1), Upload("a", limits.size[1] + 1))
    if limits.pattern:
        yield "é"
    if limits.items:
        yield [{"type": "paid"}] * (limits.items[1] + 1)
    if limits.names_of or choice:
        yield ["nonsense"] if limits.names_of else "nonsense"


def malformed() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """A request for each rule of each field: its type, whether it must be there, and what prose says of it."""
    for method in METHODS:
        yield method, "an unknown field", {**GOOD[method], "chatid": 1}
        for name, field in SHAPES.description.methods[method].fields.items():
            yield method, f"{name} of another type", {**GOOD[method], name: misfit(field)}
            if field.required:
                yield method, f"{name} missing", {k: v for k, v in GOOD[method].items() if k != name}
            for value in beyond(SHAPES.rules.of(method, name), SHAPES.rules.of(method, name).choice):
                yield method, f"{name} beyond its limits", {**GOOD[method], name: value}


@pytest.mark.parametrize(("method", "what", "parameters"), list(malformed()))
async def test_each_malformed_request_is_refused(
    small: Small, method: str, what: str, parameters: dict[str, Any]
) -> None:
    api = Api(small.world, any_url=True)
    with pytest.raises(ApiError) as refused:
        await api.call(small.bot, method, parameters, {})
    assert refused.value.status in (400, 413), what
    assert small.world.messages == {}
    assert not small.bot.webhook.url


@pytest.mark.parametrize(
    ("method", "change", "words"),
    [
        ("sendMessage", {"text": ""}, "400 Bad Request: message text is empty"),
        ("sendMessage", {"text": "  \n "}, "400 Bad Request: message text is empty"),
        ("sendMessage", {"text": "x" * 4097}, "400 Bad Request: message is too long"),
        ("editMessageText", {"text": "x" * 4097}, "400 Bad Request: MESSAGE_TOO_LONG"),
        ("sendMessage", {"text": 1}, '400 Bad Request: field "text" must be of type String'),
        ("sendMessage", {"chat_id": 42}, "400 Bad Request: chat not found"),
        ("sendMessage", {"chat_id": "@parley_news"}, "400 Bad Request: chat not found"),
        ("sendMessage", {"chat_id": "ana"}, "400 Bad Request: chat not found"),
        ("sendMessage", {"chat_id": 2**70}, "400 Bad Request: chat not found"),
        ("sendMessage", {"parse_mode": "BBCode"}, "400 Bad Request: unsupported parse_mode"),
        ("sendMessage", {"reply_parameters": 7}, "400 Bad Request: can't parse reply parameters JSON object"),
        ("sendMessage", {"reply_parameters": {"message_id": 7}}, "400 Bad Request: message to be replied not found"),
        ("sendMessage", {"reply_markup": 7}, "400 Bad Request: object expected as reply markup"),
        (
            "sendMessage",
            {"reply_markup": {"inline_keyboard": [[{"text": "Yes"}]]}},
            "400 Bad Request: can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
        ),
        (
            "sendMessage",
            {"reply_markup": {"inline_keyboard": [[{"text": "Yes", "callback_data": "x" * 65}]]}},
            "400 Bad Request: BUTTON_DATA_INVALID",
        ),
        ("sendMessage", {"entities": [{"type": "bold"}]}, "400 Bad Request: can't parse MessageEntity"),
        ("sendMessage", {"chatid": 1}, '400 Bad Request: parameter "chatid" is unknown'),
        ("sendDocument", {"document": "no-such-file"}, "400 Bad Request: wrong file identifier/HTTP URL specified"),
        ("sendLocation", {"latitude": 91}, "400 Bad Request: wrong location specified"),
        ("editMessageText", {}, "400 Bad Request: message to edit not found"),
        ("deleteMessage", {}, "400 Bad Request: message to delete not found"),
        ("editMessageText", {"chat_id": -7}, "400 Bad Request: chat not found"),
        ("deleteMessage", {"message_id": 0}, "400 Bad Request: message identifier is not specified"),
        ("setMessageReaction", {}, "400 Bad Request: message to react not found"),
        (
            "setMessageReaction",
            {"reaction": [{"type": "emoji", "emoji": "🦤"}]},
            "400 Bad Request: REACTION_INVALID",
        ),
        (
            "answerCallbackQuery",
            {},
            "400 Bad Request: query is too old and response timeout expired or query ID is invalid",
        ),
        ("getFile", {}, "400 Bad Request: wrong file_id or the file is temporarily unavailable"),
        ("sendChatAction", {"action": "sleeping"}, "400 Bad Request: wrong parameter action in request"),
        (
            "setWebhook",
            {"secret_token": "a b"},
            "400 Bad Request: secret token contains unallowed characters",
        ),
        ("setWebhook", {"secret_token": "x" * 257}, "400 Bad Request: secret token is too long"),
        ("setWebhook", {"url": "ftp://parley.example"}, "400 Bad Request: bad webhook: invalid webhook URL specified"),
        ("sendPigeon", {}, "404 Not Found: method not found"),
    ],
)
async def test_it_refuses_in_the_words_of_the_platform(
    platform: Platform, method: str, change: dict[str, Any], words: str
) -> None:
    await platform.person("ana")
    plain = {name: value for name, value in GOOD.get(method, {}).items() if not isinstance(value, Upload)}
    assert await platform.refused(method, **{**plain, **change}) == words


async def test_there_are_no_inline_messages(platform: Platform) -> None:
    assert await platform.refused("editMessageText", inline_message_id="1", text="x") == (
        "400 Bad Request: MESSAGE_ID_INVALID"
    )


async def test_a_token_that_nobody_has_is_unauthorized(platform: Platform) -> None:
    assert (await platform.answer("getMe", "77:of-nobody")).json() == {
        "ok": False,
        "error_code": 401,
        "description": "Unauthorized",
    }
    assert (await platform.answer("getMe", "no-token")).json()["error_code"] == 404


async def test_the_public_platform_wants_https_on_four_ports(small: Small) -> None:
    api = Api(small.world, any_url=False)
    words = {}
    for url in ("http://parley.example/hook", "https://parley.example:9443/hook", "https://parley.example:8443/hook"):
        try:
            words[url] = str((await api.call(small.bot, "setWebhook", {"url": url}, {}))["description"])
        except ApiError as error:
            words[url] = error.description
    assert list(words.values()) == [
        "Bad Request: bad webhook: An HTTPS URL must be provided for webhook",
        "Bad Request: bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443",
        "Webhook was set",
    ]


@pytest.mark.parametrize(
    ("content_type", "body", "words"),
    [
        ("application/json", b"{", "Bad Request: can't parse JSON object"),
        ("application/json", b"[1]", "Bad Request: can't parse JSON object"),
        ("multipart/form-data", b"x", "Bad Request: can't parse multipart/form-data: there is no boundary"),
        ("application/json", b" " * (2**21 + 1), "Request Entity Too Large"),
        ("text/plain", b"chat_id=%ff", "Bad Request: chat not found"),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(
    platform: Platform, content_type: str, body: bytes, words: str
) -> None:
    url = f"{platform.url}/bot77:a-token-for-tests/sendMessage?text=hi"
    answer = await platform.http.post(url, content=body, headers={"content-type": content_type})
    assert answer.json()["description"] == words


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from([ANA, str(ANA), 7]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["message_id", "type"]), inner),
    max_leaves=4,
)


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """Mostly right, so that it gets far: some fields of the method are there that need not be, some are anything."""
    method = draw(st.sampled_from(METHODS))
    fields = SHAPES.description.methods[method].fields
    return method, {**GOOD[method], **draw(st.dictionaries(st.sampled_from([*fields, "chat_id"]), JSON, max_size=2))}


@given(requests())
async def test_no_request_breaks_the_platform(request_: tuple[str, dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        small = Small(Path(folder))
        uploaded = small.world.files.make_up("a", "text/plain", 9)
        api = Api(small.world, any_url=True)
        method, parameters = request_
        with suppress(ApiError):
            await api.call(
                small.bot,
                method,
                {**parameters, "timeout": 0} if method == "getUpdates" else parameters,
                {"document": uploaded, "photo": uploaded},
            )
