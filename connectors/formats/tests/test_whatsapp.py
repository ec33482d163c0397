"""What WhatsApp takes and sends, rule by rule; what is published as an example is taken as it stands."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.formats.schema import RULES
from connectors.formats.shapes import Upload
from connectors.formats.whatsapp import MESSAGES, SCHEMAS, check_answer, check_request, check_update, patched

Json = dict[str, Any]
HEAD: Json = {"messaging_product": "whatsapp", "recipient_type": "individual", "to": "16505551234"}
TEXT: Json = {**HEAD, "type": "text", "text": {"body": "hi"}}
READ: Json = {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.A"}
FILE = Upload("a.png", 5, "image/png")
UPLOAD: Json = {"messaging_product": "whatsapp", "type": "image/png", "file": FILE}
BUTTONS: Json = {
    "type": "button",
    "body": {"text": "Coming?"},
    "action": {"buttons": [{"type": "reply", "reply": {"id": "y", "title": "Yes"}}]},
}
METADATA: Json = {"display_phone_number": "15550783881", "phone_number_id": "106540352242922"}
INCOMING: Json = {"from": "16505551234", "id": "wamid.A", "timestamp": "1749416383"}
STATUS: Json = {"id": "wamid.A", "status": "sent", "timestamp": "1749416383", "recipient_id": "16505551234"}


def message(kind: str, content: Any) -> Json:
    return {**HEAD, "type": kind, kind: content}


def webhook(**value: Any) -> Json:
    value = {"messaging_product": "whatsapp", "metadata": METADATA, **value}
    changes = [{"field": "messages", "value": value}]
    return {"object": "whatsapp_business_account", "entry": [{"id": "102290129340398", "changes": changes}]}


def wrong(body: Any) -> set[tuple[str, str]]:
    return {(each.field, each.rule) for each in check_request("messages", body)}


@pytest.mark.parametrize(
    "body",
    [
        TEXT,
        {**TEXT, "to": "+16505551234"},
        {**TEXT, "context": {"message_id": "wamid.A"}},
        message("text", {"body": "hi", "preview_url": False}),
        message("image", {"id": "7", "caption": "Look"}),
        message("document", {"link": "https://example.com/a.pdf", "filename": "a.pdf"}),
        message("audio", {"id": "7"}),
        message("video", {"id": "7"}),
        message("sticker", {"id": "7"}),
        message("location", {"latitude": 37.758056, "longitude": -122.425332, "name": "META HQ"}),
        message("reaction", {"message_id": "wamid.A", "emoji": "👍"}),
        message("interactive", BUTTONS),
        message("template", {"name": "hello_world", "language": {"code": "en_US"}}),
        {
            "messaging_product": "whatsapp",
            "status": "read",
            "message_id": "wamid.A",
            "typing_indicator": {"type": "text"},
        },
    ],
)
def test_what_the_platform_takes(body: Json) -> None:
    assert wrong(body) == set()


@pytest.mark.parametrize("user", ["US.13491208655302741918", "US.ENT.11815799212886844830", "BR.a"])
def test_a_user_id_goes_by_recipient_and_never_by_to(user: str) -> None:
    plain = {name: value for name, value in TEXT.items() if name != "to"}
    assert wrong({**plain, "recipient": user}) == set()
    assert wrong({**plain, "to": user}) == {("to", "form")}
    assert wrong({**TEXT, "recipient": user}) == {("", "together")}
    assert wrong(plain) == {("", "together")}


@pytest.mark.parametrize(
    ("body", "field", "rule"),
    [
        ([], "", "type"),
        (HEAD, "type", "missing"),
        ({**HEAD, "type": "poem"}, "type", "choice"),
        ({**HEAD, "type": "text"}, "text", "missing"),
        ({**TEXT, "messaging_product": "telegram"}, "messaging_product", "choice"),
        ({**TEXT, "recipient_type": "everybody"}, "recipient_type", "choice"),
        ({**TEXT, "to": "ana"}, "to", "form"),
        ({**TEXT, "to": 16505551234}, "to", "type"),
        ({**TEXT, "reply_to": "wamid.A"}, "reply_to", "unknown"),
        ({**TEXT, "context": {}}, "context.message_id", "missing"),
        (message("text", {"body": ""}), "text.body", "length"),
        (message("text", {"body": "x" * 4097}), "text.body", "length"),
        (message("text", {"body": 7}), "text.body", "type"),
        (message("image", {}), "image", "together"),
        (message("image", {"id": "7", "link": "https://example.com"}), "image", "together"),
        (message("image", {"id": "7", "caption": "x" * 1025}), "image.caption", "length"),
        (message("audio", {"id": "7", "caption": "no"}), "audio.caption", "unknown"),
        (message("image", {"id": "7", "filename": "a"}), "image.filename", "unknown"),
        (message("document", {"id": "seven"}), "document.id", "form"),
        (message("location", {"latitude": 1}), "location.longitude", "missing"),
        (message("location", {"latitude": 91, "longitude": 0}), "location.latitude", "range"),
        (message("location", {"latitude": "1", "longitude": 0}), "location.latitude", "type"),
        (message("reaction", {"emoji": "👍"}), "reaction.message_id", "missing"),
        (message("interactive", {**BUTTONS, "action": {"buttons": []}}), "interactive.action", "together"),
        ({**READ, "status": "seen"}, "status", "choice"),
    ],
)
def test_what_the_platform_does_not_take(body: Any, field: str, rule: str) -> None:
    assert (field, rule) in wrong(body)


@pytest.mark.parametrize(
    ("change", "field", "rule"),
    [
        ({"type": "application/zip"}, "type", "choice"),
        ({"file": Upload("a.zip", 5, "application/zip")}, "file.content_type", "choice"),
        ({"file": Upload("a.png", 0, "image/png")}, "file.size", "range"),
        ({"file": Upload("a.pdf", 100_000_001, "application/pdf")}, "file.size", "range"),
        ({"messaging_product": ""}, "messaging_product", "choice"),
        ({"caption": "no"}, "caption", "unknown"),
    ],
)
def test_an_upload_is_of_a_type_and_size_that_the_platform_takes(change: Json, field: str, rule: str) -> None:
    assert check_request("media", UPLOAD) == []
    assert (field, rule) in {(each.field, each.rule) for each in check_request("media", {**UPLOAD, **change})}


def test_a_webhook_comes_with_the_token_that_proves_it_and_may_be_taken_back() -> None:
    def update(**configuration: str) -> set[tuple[str, str]]:
        return {(w.field, w.rule) for w in check_request("phone", {"webhook_configuration": configuration})}

    assert update(override_callback_uri="https://example.com/hook", verify_token="v") == set()
    assert update(override_callback_uri="") == set()
    assert update(override_callback_uri="https://example.com/hook") == {
        ("webhook_configuration.verify_token", "missing")
    }
    assert update(verify_token="v") == {("webhook_configuration.override_callback_uri", "missing")}


def test_answers_and_errors() -> None:
    sent = {
        "messaging_product": "whatsapp",
        "contacts": [{"input": "+16505551234", "wa_id": "16505551234"}],
        "messages": [{"id": "wamid.A"}],
    }
    assert check_answer("messages", sent) == []
    assert check_answer("messages", {**sent, "messages": []}) != []
    assert check_answer("messages", {"error": {"message": "No", "type": "OAuthException", "code": 131047}}) == []
    assert check_answer("messages", {"error": {"message": "No"}}) != []


@pytest.mark.parametrize(
    "value",
    [
        {"contacts": [{"profile": {"name": "Ana"}, "wa_id": "16505551234"}], "messages": []},
        {"messages": [{**INCOMING, "type": "text", "text": {"body": "hi"}}], "statuses": [STATUS]},
        {"messages": [{**INCOMING, "type": "unsupported", "errors": [{"code": 131051, "title": "No"}]}]},
        {"statuses": [{**STATUS, "status": "played"}]},
        {"statuses": [{"id": "wamid.A", "status": "read", "timestamp": "1", "recipient_user_id": "US.1349"}]},
    ],
)
def test_what_the_platform_sends(value: Json) -> None:
    assert check_update(webhook(**value)) == []


@pytest.mark.parametrize(
    ("value", "field", "rule"),
    [
        ({"messages": [{**INCOMING, "type": "text"}]}, "messages.0.text", "missing"),
        ({"messages": [{**INCOMING, "timestamp": 1, "type": "unsupported"}]}, "messages.0.timestamp", "type"),
        ({"messages": [{**INCOMING, "from": "ana", "type": "unsupported"}]}, "messages.0.from", "form"),
        ({"statuses": [{**STATUS, "status": "seen"}]}, "statuses.0.status", "choice"),
        ({"statuses": [{**STATUS, "seen": True}]}, "statuses.0.seen", "unknown"),
    ],
)
def test_what_the_platform_does_not_send(value: Json, field: str, rule: str) -> None:
    at = f"entry.0.changes.0.value.{field}"
    assert (at, rule) in {(each.field, each.rule) for each in check_update(webhook(**value))}


def test_every_keyword_of_the_schemas_has_a_rule() -> None:
    shape = {"$ref", "$comment", "properties", "items", "if", "then", "allOf", "anyOf", "oneOf", "additionalProperties"}
    assert set(_keywords(SCHEMAS.document["$defs"].values())) <= {*RULES, *shape}
    assert set(MESSAGES.values()) <= set(SCHEMAS.document["$defs"])


def _keywords(values: Any) -> Any:
    for value in values:
        if not isinstance(value, dict):
            continue
        yield from value
        yield from _keywords(value.get("properties", {}).values())
        yield from _keywords(value[name] for name in ("items", "if", "then") if name in value)
        yield from _keywords(value.get("oneOf", []) + value.get("allOf", []) + value.get("anyOf", []))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(json_values, json_values)
def test_a_patch_leaves_what_it_names_and_no_null_in_it(value: Any, patch: Any) -> None:
    merged = patched(value, patch)
    assert patched(merged, patch) == merged
    if isinstance(patch, dict) and isinstance(merged, dict):
        assert {name for name, each in patch.items() if each is not None} <= set(merged)
        assert not {name for name, each in patch.items() if each is None} & set(merged)
