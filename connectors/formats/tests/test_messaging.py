"""What Messenger and Instagram take and send, rule by rule."""

from typing import Any

import pytest

from connectors.formats.messaging import SCHEMAS, Platform, check_answer, check_request, check_update, decode_form
from connectors.formats.schema import RULES, Schemas
from connectors.formats.shapes import Upload

Json = dict[str, Any]
BOTH: tuple[Platform, ...] = ("messenger", "instagram")
TEXT: Json = {"recipient": {"id": "6543210987"}, "messaging_type": "RESPONSE", "message": {"text": "hi"}}
PICTURE: Json = {"attachment": {"type": "image", "payload": {"attachment_id": "1857777774821032"}}}
REPLY: Json = {"content_type": "text", "title": "Yes", "payload": "y"}
FILE = Upload("a.png", 5, "image/png")


def wrong(platform: Platform, body: Any, call: str = "messages") -> set[tuple[str, str]]:
    return {(each.field, each.rule) for each in check_request(platform, call, body)}


@pytest.mark.parametrize("platform", BOTH)
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"reply_to": {"mid": "m_1"}},
        {"message": PICTURE},
        {"message": {"text": "Coming?", "quick_replies": [REPLY]}},
        {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"},
    ],
)
def test_what_the_platform_takes(platform: Platform, change: Json) -> None:
    assert wrong(platform, TEXT | change) == set()


@pytest.mark.parametrize("platform", BOTH)
@pytest.mark.parametrize(
    ("change", "field", "rule"),
    [
        ({"recipient": {}}, "recipient.id", "missing"),
        ({"recipient": {"id": 6543210987}}, "recipient.id", "type"),
        ({"recipient": {"id": "ana"}}, "recipient.id", "form"),
        ({"recipient": {"id": "6543210987", "name": "Ana"}}, "recipient.name", "unknown"),
        ({"messaging_type": "ANSWER"}, "messaging_type", "choice"),
        ({"messaging_type": "MESSAGE_TAG"}, "tag", "missing"),
        ({"tag": "HUMAN_AGENT"}, "tag", "together"),
        ({"messaging_type": "MESSAGE_TAG", "tag": "ACCOUNT_UPDATE"}, "tag", "choice"),
        ({"message": {}}, "message", "together"),
        ({"message": {"text": "hi", **PICTURE}}, "message", "together"),
        ({"message": {"text": ""}}, "message.text", "length"),
        ({"message": {"text": 1}}, "message.text", "type"),
        ({"message": {"text": "hi", "quick_replies": []}}, "message.quick_replies", "items"),
        ({"message": {"text": "hi", "quick_replies": [REPLY] * 14}}, "message.quick_replies", "items"),
        (
            {"message": {"text": "hi", "quick_replies": [REPLY | {"title": "t" * 21}]}},
            "message.quick_replies.0.title",
            "length",
        ),
        (
            {"message": {"text": "hi", "quick_replies": [{"content_type": "text", "title": "t"}]}},
            "message.quick_replies.0.payload",
            "missing",
        ),
        ({"message": {"attachment": {"type": "sticker", "payload": {}}}}, "message.attachment.type", "choice"),
        ({"message": {"attachment": {"type": "image", "payload": {}}}}, "message.attachment.payload", "together"),
        ({"message": {"attachment": {"type": "image"}}}, "message.attachment.payload", "missing"),
        ({"reply_to": {}}, "reply_to.mid", "missing"),
        ({"reply_to": "m_1"}, "reply_to", "type"),
        ({"sender_action": "typing_on"}, "", "together"),
        ({"text": "hi"}, "text", "unknown"),
    ],
)
def test_what_the_platform_does_not_take(platform: Platform, change: Json, field: str, rule: str) -> None:
    assert (field, rule) in wrong(platform, TEXT | change)


def test_messenger_counts_characters_and_instagram_bytes() -> None:
    def of(text: str) -> Json:
        return TEXT | {"message": {"text": text}}

    assert wrong("messenger", of("é" * 2000)) == set()
    assert wrong("messenger", of("é" * 2001)) == {("message.text", "length")}
    assert wrong("instagram", of("é" * 500)) == set()
    assert wrong("instagram", of("é" * 500 + "e")) == {("message.text", "length")}


def test_messenger_wants_to_know_why_one_writes() -> None:
    untyped = {"recipient": TEXT["recipient"], "message": TEXT["message"]}
    assert wrong("messenger", untyped) == {("messaging_type", "missing")}
    assert wrong("instagram", untyped) == set()


@pytest.mark.parametrize("platform", BOTH)
def test_a_hint_bears_nothing_of_a_message(platform: Platform) -> None:
    hint = {"recipient": {"id": "6543210987"}, "sender_action": "typing_on"}
    assert wrong(platform, hint) == set()
    assert wrong(platform, hint | {"messaging_type": "RESPONSE"}) == {("messaging_type", "together")}
    assert wrong(platform, hint | {"sender_action": "dance"}) == {("sender_action", "choice")}


def test_an_upload_is_a_form_whose_message_is_json() -> None:
    message = '{"attachment": {"type": "image", "payload": {"is_reusable": true}}}'
    form = decode_form({"message": message, "filedata": FILE})
    assert wrong("messenger", form, "message_attachments") == set()
    assert wrong("instagram", form, "message_attachments") == {("platform", "missing")}
    assert wrong("instagram", form | {"platform": "instagram"}, "message_attachments") == set()
    assert wrong("messenger", decode_form({"message": "{", "filedata": FILE}), "message_attachments") == {
        ("message", "type")
    }
    large = form | {"filedata": FILE._replace(size=25_000_001)}
    assert wrong("messenger", large, "message_attachments") == {("filedata.size", "range")}


def test_what_is_asked_for_must_be_there() -> None:
    assert wrong("messenger", {}, "dances") == {("", "method")}
    assert wrong("messenger", {"subscribed_fields": ["messages", "messaging_seen"]}, "subscribed_apps") == {
        ("subscribed_fields.1", "choice")
    }
    assert wrong("instagram", {"subscribed_fields": ["messages", "messaging_seen"]}, "subscribed_apps") == set()


def test_answers_are_known() -> None:
    assert check_answer("messenger", "messages", {"recipient_id": "6543210987", "message_id": "m_1"}) == []
    assert check_answer("messenger", "message_attachments", {"attachment_id": "5"}) == []
    assert check_answer("messenger", "me", {"id": "1234567890", "name": "Shop"}) == []
    error = {"message": "(#10) …", "type": "OAuthException", "code": 10, "error_subcode": 2018278, "fbtrace_id": "A"}
    assert check_answer("instagram", "messages", {"error": error}) == []
    (missing,) = check_answer("instagram", "messages", {"error": {n: v for n, v in error.items() if n != "code"}})
    assert missing[:2] == ("error.code", "missing")


def update(platform: Platform, **event: Any) -> Json:
    told = {"sender": {"id": "6543210987"}, "recipient": {"id": "1234567890"}, "timestamp": 1458692752478, **event}
    entry = {"id": "1234567890", "time": 1458692752999, "messaging": [told]}
    return {"object": "page" if platform == "messenger" else "instagram", "entry": [entry]}


@pytest.mark.parametrize("platform", BOTH)
@pytest.mark.parametrize(
    "event",
    [
        {"message": {"mid": "m_1", "text": "hi", "reply_to": {"mid": "m_0"}}},
        {"message": {"mid": "m_1", "text": "Yes", "quick_reply": {"payload": "y"}}},
        {"message": {"mid": "m_1", "attachments": [{"type": "image", "payload": {"url": "https://cdn.example/a"}}]}},
        {"message": {"mid": "m_1", "text": "hi", "is_echo": True, "app_id": 7}},
        {"message": {"mid": "m_1", "is_deleted": True}},
        {"postback": {"mid": "m_1", "title": "Go", "payload": "g"}},
        {"reaction": {"mid": "m_1", "action": "react", "reaction": "love", "emoji": "❤️"}},
        {"reaction": {"mid": "m_1", "action": "unreact"}},
        {"message_edit": {"mid": "m_1", "text": "hello", "num_edit": 1}},
    ],
)
def test_what_the_platform_tells(platform: Platform, event: Json) -> None:
    assert check_update(platform, update(platform, **event)) == []


def test_messenger_tells_times_and_instagram_messages() -> None:
    told: list[Json] = [{"delivery": {"watermark": 5}}, {"delivery": {"mids": ["m_1"], "watermark": 5}}]
    told += [{"read": {"watermark": 5}}]
    for event in told:
        assert check_update("messenger", update("messenger", **event)) == []
        assert check_update("instagram", update("instagram", **event)) != []
    for event in ({"read": {"mid": "m_1"}}, {"messaging_seen": {"mid": "m_1"}}):
        assert check_update("instagram", update("instagram", **event)) == []
        assert check_update("messenger", update("messenger", **event)) != []


@pytest.mark.parametrize("platform", BOTH)
def test_what_the_platform_never_tells(platform: Platform) -> None:
    def fields(**event: Any) -> set[str]:
        return {each.field for each in check_update(platform, update(platform, **event))}

    assert fields() == {"entry.0.messaging.0"}
    assert "entry.0.messaging.0.dance" in fields(dance={})
    assert "entry.0.messaging.0.message.mid" in fields(message={"text": "hi"})
    assert "entry.0.messaging.0.reaction.emoji" in fields(reaction={"mid": "m_1", "action": "react"})
    assert {each.field for each in check_update(platform, {"object": "fax", "entry": []})} == {"object", "entry"}


@pytest.mark.parametrize("platform", BOTH)
def test_the_schemas_use_no_rule_that_we_cannot_name(platform: Platform) -> None:
    known = {*RULES, "$ref", "properties", "items", "if", "then", "else", "const", "$comment"}

    def unknown(schema: Any) -> set[str]:
        if not isinstance(schema, dict):
            return set()
        inner = [*schema.get("properties", {}).values(), *schema.get("oneOf", [])]
        inner += [schema[name] for name in ("items", "if", "then", "else") if name in schema]
        return (set(schema) - known).union(*map(unknown, inner))

    assert set().union(*map(unknown, SCHEMAS[platform].document["$defs"].values())) == set()


def test_bytes_are_counted_in_utf_8() -> None:
    schemas = Schemas({"$defs": {"text": {"type": "string", "maxBytes": 4}}})
    assert schemas.check("text", "éé") == []
    assert schemas.check("text", "ééé")[0].rule == "length"
    assert schemas.check("text", 5)[0].rule == "type"
