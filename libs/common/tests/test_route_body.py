"""What a route may be in the body of a message, and where a wrong one is wrong."""

import json
from typing import Any

import pytest

from libs.common.accept.body import parse_body
from libs.common.accept.draft import Draft, address, draft
from libs.common.errors import Problem
from libs.common.events import Step

C = "0199a5c4-7d1e-7c3a-9b52-3f1c0d2e4a10"
INTERNAL: dict[str, Any] = {"channel": "internal", "until": "DELIVERED", "after_s": 60}
WHATSAPP: dict[str, Any] = {"channel": "whatsapp"}


def said(**fields: Any) -> Draft:
    body = {"conversation_id": C, "payload": {"type": "text", "text": "hi"}, **fields}
    return draft("ana", parse_body(json.dumps(body).encode()))


def test_its_channels_are_those_of_the_message_in_its_order() -> None:
    found = said(route=[INTERNAL, WHATSAPP])
    assert found.channels == ["internal", "whatsapp"]
    assert found.route == [Step("internal", "DELIVERED", 60), Step("whatsapp")]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"route": [INTERNAL, WHATSAPP], "channels": ["internal"]}, "/route"),
        ({"route": []}, "/route"),
        ({"route": [INTERNAL] * 6}, "/route"),
        ({"route": [INTERNAL, INTERNAL]}, "/route/1/channel"),
        ({"route": [{**INTERNAL, "channel": "fax"}, WHATSAPP]}, "/route/0/channel"),
        ({"route": [{**INTERNAL, "channel": "all"}, WHATSAPP]}, "/route/0/channel"),
        ({"route": [{"channel": "internal", "after_s": 60}, WHATSAPP]}, "/route/0/until"),
        ({"route": [{**INTERNAL, "until": "QUEUED"}, WHATSAPP]}, "/route/0/until"),
        ({"route": [{**INTERNAL, "channel": "telegram"}, WHATSAPP]}, "/route/0/until"),
        ({"route": [{"channel": "internal", "until": "READ"}, WHATSAPP]}, "/route/0/after_s"),
        ({"route": [{**INTERNAL, "after_s": 0}, WHATSAPP]}, "/route/0/after_s"),
        ({"route": [{**INTERNAL, "after_s": 86_401}, WHATSAPP]}, "/route/0/after_s"),
        ({"route": [{**INTERNAL, "after_s": "60"}, WHATSAPP]}, "/route/0/after_s"),
        ({"route": [{**INTERNAL, "after_s": 1.5}, WHATSAPP]}, "/route/0/after_s"),
        ({"route": [{"until": "READ"}]}, "/route/0/channel"),
        ({"route": "internal"}, "/route"),
        ({"route": [INTERNAL, {**WHATSAPP, "until": "PLAYED"}]}, "/route/1/until"),
    ],
)
def test_a_wrong_one_is_refused_at_its_place(fields: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Problem) as refused:
        said(**fields)
    assert (refused.value.status, [e.pointer for e in refused.value.errors]) == (422, [pointer])


@pytest.mark.parametrize("seconds", [1, 86_400])
def test_it_may_wait_for_a_second_and_for_a_day(seconds: int) -> None:
    assert said(route=[{**INTERNAL, "after_s": seconds}, WHATSAPP]).route


def test_the_same_channels_by_another_route_are_another_message() -> None:
    slower = {**INTERNAL, "after_s": 61}
    bodies: list[dict[str, Any]] = [
        {"route": [INTERNAL, WHATSAPP]},
        {"route": [slower, WHATSAPP]},
        {"channels": ["internal", "whatsapp"]},
        {"channels": ["internal", "whatsapp"], "route": None},
    ]
    prints = [address(said(**b), ["ana", "bo"]).fingerprint for b in bodies]
    assert len(set(prints)) == 3
    assert prints[2] == prints[3]
