"""Every operation of the OpenAPI document, called with its examples, with made-up and with broken input.

No answer is a 5xx, and each is what the document says of it. The examples mean people, conversations, messages
and files that exist: `ana` calls, `ben` is whom she talks to. What is chosen is the same in every run.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from random import choices
from secrets import token_hex
from typing import Any
from uuid import uuid4

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from requests.adapters import HTTPAdapter
from schemathesis.checks import CHECKS

from conftest import ROOT, Stack
from libs.common.shapes import AN_ID
from tests.registered import registered

PASSWORD = "correct horse battery"
DOCUMENT = json.loads((ROOT / "docs" / "api" / "openapi.json").read_text())
EXAMPLES = 10  # made up for each operation, beside those of the document and the edges of its schemas
OWN_ADDRESS = "127.0.3.1"  # wrong passwords count against it, and not against the other tests
PEOPLE = ("ana", "ben", "cho")
ADDRESSES = ("424242", "+431234567")
TEXT = {"type": "text", "text": "hi"}
HELLO = b"hello"  # its SHA-256 is that of the examples
LARGE = 100 * 1024 * 1024
NOWHERE = "http://127.0.0.1:9/hooks"
PATIENCE_S = 60.0

schema = schemathesis.openapi.from_dict(DOCUMENT)
schema.config.generation.update(allow_extra_parameters=False)  # what we do not know is ignored, by contract
CHECKED = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "ignored_auth",
)
NOT_CHECKED_OF = {"POST /v1/messages/batch": ("negative_data_rejection",)}  # each item is answered for itself

PROVEN_ELSEWHERE = (
    "/v1/channels/",  # only platforms succeed: services/webhooks/tests
    "/v1/users/me/channels/{channel}/verify",  # only who reads the code there succeeds: tests/test_proving.py
)


class Patient(HTTPAdapter):
    """From an address of its own. What is answered 503 is asked again, as the document says: it is so for a moment."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, source_address=(OWN_ADDRESS, 0))

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        end = time.monotonic() + PATIENCE_S
        while (answer := super().send(*args, **kwargs | {"timeout": PATIENCE_S})).status_code == 503:
            if time.monotonic() > end:
                break
            time.sleep(0.2)
        return answer


@dataclass
class World:
    """What the words of the examples mean in this run."""

    url: str
    session: requests.Session
    words: dict[str, str]
    access_token: str
    refresh_token: str
    conversation_id: str
    message_id: str
    files: dict[str, str]
    """The one that an operation is about, by its label."""
    webhooks: dict[str, tuple[str, str]]
    """The same: a webhook and a delivery of it."""

    def meant(self, value: Any, name: str = "", *, is_body: bool = False) -> Any:
        """The value with the examples in it made real; `name` is that of its field."""
        match value:
            case dict():
                return {k: self.meant(v, k, is_body=is_body) for k, v in value.items()}
            case list():
                return [self.meant(one, name, is_body=is_body) for one in value]
            case str() if value == AN_ID and name == "message_id":
                return str(uuid4()) if is_body else self.message_id
            case str() if value == AN_ID:
                known = {"conversation_id": self.conversation_id, "reply_to": self.message_id}
                of_operation = {key: self.words[key] for key in ("file_id", "webhook_id", "delivery_id")}
                return (known | of_operation).get(name, value)
            case "the refresh token":
                return self.refresh_token
            case str():
                return ",".join(self.words.get(part, part) for part in value.split(","))
        return value


@pytest.fixture(scope="session")
async def names(stack: Stack) -> dict[str, str]:
    made = {name: f"{name}-{token_hex(4)}" for name in PEOPLE}
    await registered(stack.etcd, PASSWORD, *made.values())
    return made


@pytest.fixture(scope="session")
def world(stack: Stack, names: dict[str, str]) -> Iterator[World]:
    addresses = {example: example[:3] + "".join(choices("123456789", k=9)) for example in ADDRESSES}
    with httpx.Client(base_url=stack.gateway_url, timeout=PATIENCE_S) as http, requests.Session() as session:
        ana, spare = (_tokens(http, names[name]) for name in ("ana", "cho"))
        http.headers["Authorization"] = f"Bearer {ana['access_token']}"
        asked = {"type": "private", "members": [names["ben"]]}
        conversation = http.post("/v1/conversations", json=asked).raise_for_status().json()["conversation_id"]
        message = _send(http, conversation)
        session.mount("http://", Patient())
        meant = names | addresses | {"https://example.com/hooks": NOWHERE}
        yield World(
            stack.gateway_url,
            session,
            meant,
            ana["access_token"],
            spare["refresh_token"],
            conversation,
            message,
            _files(http),
            _webhooks(http),
        )


def _tokens(http: httpx.Client, username: str) -> dict[str, str]:
    form = {"grant_type": "password", "username": username, "password": PASSWORD}
    tokens: dict[str, str] = http.post("/v1/auth/token", data=form).raise_for_status().json()
    return tokens


def _send(http: httpx.Client, conversation_id: str) -> str:
    """With a delivery that fails."""
    body = {"conversation_id": conversation_id, "payload": TEXT, "channels": ["internal", "telegram"]}
    message_id: str = http.post("/v1/messages", json=body).raise_for_status().json()["message_id"]
    end = time.monotonic() + PATIENCE_S
    while (answer := http.get(f"/v1/messages/{message_id}/status")).status_code == 503:  # it is being stored
        assert time.monotonic() < end, answer.text
    answer.raise_for_status()
    return message_id


def _files(http: httpx.Client) -> dict[str, str]:
    """Each operation has one of its own: completing and deleting would take it away from the others."""
    small = {"filename": "hello.txt", "size": len(HELLO), "content_type": "text/plain"}
    return {
        "POST /v1/files/{file_id}/parts": _begun(http, {**small, "size": LARGE}),
        "GET /v1/files/{file_id}/parts": _begun(http, small),
        "POST /v1/files/complete": _begun(http, small),
        "GET /v1/files/{file_id}": _begun(http, small),
        "DELETE /v1/files/{file_id}": _begun(http, small),
    }


def _webhooks(http: httpx.Client) -> dict[str, tuple[str, str]]:
    """One for each operation that a path leads to."""
    labels = [
        f"{method.upper()} {path}"
        for path, methods in DOCUMENT["paths"].items()
        if path.startswith("/v1/webhooks/")
        for method in methods
    ]
    made = {}
    for label in labels:
        webhook = http.post("/v1/webhooks", json={"url": NOWHERE}).raise_for_status().json()["webhook_id"]
        test = http.post(f"/v1/webhooks/{webhook}/test").raise_for_status().json()["delivery_id"]
        made[label] = (webhook, test)
    return made


def _begun(http: httpx.Client, asked: dict[str, Any]) -> str:
    """Uploaded too, where it is small."""
    begun = http.post("/v1/files/initiate", json=asked).raise_for_status().json()
    if upload := begun["upload"].get("url"):
        httpx.put(upload, content=HELLO, headers=begun["upload"]["headers"], timeout=PATIENCE_S).raise_for_status()
    file_id: str = begun["file_id"]
    return file_id


@pytest.fixture
def answered(world: World, request: pytest.FixtureRequest) -> Iterator[set[int]]:
    """The statuses of an operation's answers: one is a success, or the test of its shape was none."""
    statuses: set[int] = set()
    yield statuses
    is_elsewhere = any(f" {path}" in request.node.name for path in PROVEN_ELSEWHERE)
    assert is_elsewhere or any(200 <= status < 300 for status in statuses), f"none succeeded: {sorted(statuses)}"


@schema.parametrize()
@settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=EXAMPLES,
    suppress_health_check=list(HealthCheck),  # what is made up is filtered a lot, and `answered` is of all examples
)
def test_every_answer_is_as_the_document_says(case: Any, world: World, answered: set[int]) -> None:
    label = case.operation.label
    world.words["file_id"] = world.files.get(label, AN_ID)
    world.words["webhook_id"], world.words["delivery_id"] = world.webhooks.get(label, (AN_ID, AN_ID))
    case.path_parameters = world.meant(case.path_parameters)
    case.query = world.meant(case.query)
    case.body = world.meant(case.body, is_body=True)
    if label == "POST /v1/auth/register" and isinstance(case.body, dict):
        case.body = {k: f"new-{token_hex(4)}" if v == world.words["ana"] else v for k, v in case.body.items()}
    answer = case.call_and_validate(
        base_url=world.url,
        session=world.session,
        headers={"Authorization": f"Bearer {world.access_token}"},
        checks=[CHECKS.get_one(name) for name in CHECKED if name not in NOT_CHECKED_OF.get(label, ())],
    )
    answered.add(answer.status_code)
