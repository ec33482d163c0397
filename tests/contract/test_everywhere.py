"""What holds for every call: forms of answers, of errors, of times and of ids."""

import asyncio
import re
import uuid

import httpx
import pytest

from tests.contract.conftest import PATIENCE_S, Caller

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
NOBODYS_ID = "01a1fcd6-0000-7000-8000-000000000000"


def is_problem(answer: httpx.Response, status: int, code: str | None = None) -> bool:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    problem = answer.json()
    assert {"type", "title", "status", "detail", "instance", "code", "trace_id"} <= problem.keys()
    assert problem["status"] == status
    assert problem["instance"] == answer.request.url.path
    assert re.fullmatch(r"[a-z][a-z0-9_]*", problem["code"])
    assert "Traceback" not in answer.text
    if code is not None:
        assert problem["code"] == code, problem
    return True


def pointers(answer: httpx.Response) -> list[str]:
    return [e["pointer"] for e in answer.json()["errors"]]


PROTECTED = [
    ("GET", "/v1/users/me"),
    ("GET", "/v1/users/somebody"),
    ("PUT", "/v1/users/me/channels/telegram"),
    ("DELETE", "/v1/users/me/channels/telegram"),
    ("POST", "/v1/conversations"),
    ("GET", "/v1/conversations"),
    ("GET", f"/v1/conversations/{NOBODYS_ID}"),
    ("GET", f"/v1/conversations/{NOBODYS_ID}/messages"),
    ("POST", f"/v1/conversations/{NOBODYS_ID}/read"),
    ("POST", "/v1/messages"),
    ("POST", "/v1/messages/batch"),
    ("GET", f"/v1/messages/{NOBODYS_ID}"),
    ("GET", f"/v1/messages/{NOBODYS_ID}/status"),
    ("GET", "/v1/presence?usernames=ana"),
]


@pytest.mark.parametrize(("method", "path"), PROTECTED)
@pytest.mark.parametrize("token", [None, "Bearer nonsense", "Basic YW5hOmFuYQ=="])
async def test_no_or_a_bad_token_is_401(anyone: httpx.AsyncClient, method: str, path: str, token: str | None) -> None:
    answer = await anyone.request(method, path, json={}, headers={"Authorization": token} if token else {})
    assert is_problem(answer, 401)
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/conversations/{id}", None),
        ("GET", "/v1/conversations/{id}/messages", None),
        ("POST", "/v1/conversations/{id}/read", {"sequence_number": 1}),
        ("POST", "/v1/messages", {"conversation_id": "{id}", "payload": {"type": "text", "text": "hi"}}),
        ("GET", "/v1/messages/{message}", None),
        ("GET", "/v1/messages/{message}/status", None),
    ],
)
async def test_what_is_not_yours_looks_like_what_is_not_there(
    ana: Caller, bo: Caller, dee: Caller, method: str, path: str, body: dict[str, object] | None
) -> None:
    conversation = await ana.opens(bo)
    message = (await ana.sends(conversation, "for bo alone"))["message_id"]
    await ana.status(message)

    async def ask(conversation_id: str, message_id: str) -> httpx.Response:
        """Again while it is not known yet: what others have just sent is still being stored."""
        filled = body | {"conversation_id": conversation_id} if body and "conversation_id" in body else body
        where = path.format(id=conversation_id, message=message_id)
        async with asyncio.timeout(PATIENCE_S):
            while (answer := await dee.call(method, where, filled)).status_code == 503:
                assert answer.json()["code"] == "status_not_ready", answer.text
        return answer

    theirs, nobodys = await ask(conversation, message), await ask(NOBODYS_ID, NOBODYS_ID)
    assert is_problem(theirs, 404, "not_found")
    assert is_problem(nobodys, 404, "not_found")
    assert theirs.json()["detail"] == nobodys.json()["detail"]


@pytest.mark.parametrize("path", ["/v1/auth/register", "/v1/conversations", "/v1/messages", "/v1/messages/batch"])
async def test_rubbish_is_400_and_another_type_415(ana: Caller, anyone: httpx.AsyncClient, path: str) -> None:
    headers = ana.headers | {"Content-Type": "application/json"}
    assert is_problem(await anyone.post(path, content=b'{"a":', headers=headers), 400)
    assert is_problem(await anyone.post(path, content=b"\xff\xfe", headers=headers), 400)
    assert is_problem(await anyone.post(path, content=b"a", headers=ana.headers | {"Content-Type": "text/plain"}), 415)


@pytest.mark.parametrize("path", ["/v1/conversations", "/v1/conversations/{id}/messages"])
@pytest.mark.parametrize("limit", ["0", "201", "-1", "1.5", "x", ""])
async def test_limits_of_pages_are_1_to_200(ana: Caller, bo: Caller, path: str, limit: str) -> None:
    conversation = await ana.opens(bo)
    answer = await ana.get(path.format(id=conversation), limit=limit)
    assert is_problem(answer, 422)
    assert answer.json()["errors"]


async def test_every_answer_carries_a_request_id_and_keeps_the_trace(anyone: httpx.AsyncClient) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01", "X-Request-Id": "my-own.id_1"}
    answer = await anyone.get("/v1/users/me", headers=headers)
    assert answer.headers["x-request-id"] == "my-own.id_1"
    assert answer.json()["trace_id"] == trace
    assert (await anyone.get("/v1/nowhere")).headers["x-request-id"]


async def test_ids_of_clients_are_any_uuid_and_shown_in_lower_case(ana: Caller, bo: Caller) -> None:
    conversation = await ana.opens(bo)
    mine = str(uuid.uuid4())
    sent = await ana.sends(conversation.upper(), "hi", message_id=mine.upper())
    assert sent["message_id"] == mine
    assert sent["conversation_id"] == conversation
    assert (await ana.status(mine.upper()))["message_id"] == mine


async def test_ids_of_ours_are_uuid7_and_times_have_milliseconds(ana: Caller, bo: Caller) -> None:
    conversation = (await ana.get(f"/v1/conversations/{await ana.opens(bo)}")).json()
    sent = await ana.sends(conversation["conversation_id"], "hi")
    assert uuid.UUID(conversation["conversation_id"]).version == 7
    assert uuid.UUID(sent["message_id"]).version == 7
    assert TIME.fullmatch(conversation["created_at"])
    assert TIME.fullmatch(sent["accepted_at"])


async def test_health_is_public_and_metrics_are_not(anyone: httpx.AsyncClient) -> None:
    assert (await anyone.get("/health/live")).status_code == 200
    async with asyncio.timeout(PATIENCE_S):
        while (await anyone.get("/health/ready")).status_code != 200:
            await asyncio.sleep(0.1)
    assert is_problem(await anyone.get("/metrics"), 404)
