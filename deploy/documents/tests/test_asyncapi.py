"""The AsyncAPI document is one, holds together, and says of records and frames what is true."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import jsonschema_rs
import pytest
import yaml
from aiokafka.admin import NewTopic

from deploy.documents import asyncapi
from deploy.documents.files import FOLDER
from libs.common import frames
from libs.common.bus import Record, Rejected
from libs.common.events import PRESENCE_EVENTS, PresenceEvent, cloud_headers, encode
from libs.common.feed import render
from libs.common.kafka.consumer import letter_of
from services.presence.domain.frames import Frame

DOCUMENT = yaml.safe_load((FOLDER / "asyncapi.yaml").read_text())
LAW = json.loads((Path(__file__).parent / "asyncapi-3.0.0" / "schema.json").read_text())
AT = "2026-11-21T10:15:30.123Z"
ID = "0199a5c4-7d1e-7c3a-9b52-3f1c0d2e4a10"


def is_true(schema: dict[str, Any], value: object) -> bool:
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", "components": DOCUMENT["components"], **schema}
    return jsonschema_rs.validator_for(whole, validate_formats=True).is_valid(value)


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        yield from ([part["$ref"]] if isinstance(part.get("$ref"), str) else [])
        part = list(part.values())
    if isinstance(part, list):
        for one in part:
            yield from references(one)


def test_it_is_an_asyncapi_document() -> None:
    assert [str(error) for error in jsonschema_rs.validator_for(LAW).iter_errors(DOCUMENT)] == []


@pytest.mark.parametrize("reference", sorted(set(references(DOCUMENT))))
def test_what_it_refers_to_is_there(reference: str) -> None:
    part = DOCUMENT
    for name in reference.removeprefix("#/").split("/"):
        part = part[name]


def test_a_topic_of_unknown_events_is_refused() -> None:
    with pytest.raises(LookupError, match="strange"):
        asyncapi.document("1", [NewTopic("strange.events", 1, 1, topic_configs={})])


def test_every_frame_is_named_once() -> None:
    said = {kind.__struct_config__.tag for kind in get_args(Frame)}
    told = {kind.__struct_config__.tag for kind in get_args(frames.Direct)} | {*frames.OF_FEED}
    messages = DOCUMENT["channels"]["socket"]["messages"]
    named = {key: DOCUMENT["components"]["messages"][key]["name"] for key in messages}
    assert {name for key, name in named.items() if key.startswith("client.")} == said
    assert {name for key, name in named.items() if not key.startswith("client.")} == told


def test_a_record_has_the_headers_that_are_shown() -> None:
    event = PresenceEvent(username="ana", status="online", at=AT, last_seen=None)
    shown = DOCUMENT["components"]["messages"]["presence_events"]
    headers = {k: v.decode() for k, v in cloud_headers(event, ID, "/parley/presence", AT, "00-0-0-00")}
    assert set(headers) == set(shown["headers"]["properties"])
    assert is_true(shown["headers"], headers)
    assert is_true(shown["payload"], json.loads(encode(event)))


def test_a_dead_letter_has_the_headers_that_are_shown() -> None:
    record = Record(PRESENCE_EVENTS, 0, 7, b"ana", b"rubbish", {})
    letter = letter_of(Rejected(record, "no JSON"), AT.encode())
    headers = {name: value.decode() for name, value in letter.headers}
    shown = DOCUMENT["components"]["messages"]["message_events_dlq"]["headers"]
    assert set(headers) == set(shown["properties"])
    assert is_true(shown, headers)


@pytest.mark.parametrize("offset", [7, None])
def test_an_entry_of_a_feed_is_a_frame(offset: int | None) -> None:
    body = frames.encode(frames.Receipt(ID, "ana", "READ", 7, AT))
    shown = DOCUMENT["components"]["messages"]["receipt"]["payload"]
    assert is_true(shown, json.loads(render("receipt", offset, body)))
    assert not is_true(shown, json.loads(body))
