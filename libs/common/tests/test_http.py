"""The edge: every answer is JSON with a request id, whatever went wrong."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from libs.common.errors import Problem, Retry, Unavailable, invalid
from libs.common.http import MAX_BODY, Edge, create_app, serve
from libs.common.telemetry import traceparent

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Note(BaseModel):
    text: str


async def up() -> None:
    pass


async def down() -> None:
    raise ConnectionError("nobody listens")


async def fast(headers: Mapping[bytes, bytes], body: bytes) -> tuple[int, bytes]:
    if headers.get(b"x-fail"):
        raise RuntimeError("a secret")
    return 202, b'{"size": %d}' % len(body)


def application(is_up: bool = True) -> Edge:
    app = create_app("test", {"good": up, "other": up if is_up else down})
    add_routes(app)
    return Edge(app, {("POST", "/fast"): fast})


def add_routes(app: FastAPI) -> None:
    failures: dict[str, Exception] = {
        "bug": RuntimeError("a secret"),
        "invalid": invalid("/text", "Too long."),
        "forbidden": Problem(403, "forbidden", "No."),
        "busy": Retry("busy", after_s=2.5),
        "unavailable": Unavailable("MongoDB", "a secret"),
    }

    @app.get("/fail/{kind}")
    async def fail(kind: str) -> None:
        raise failures[kind]

    @app.post("/notes")
    async def note(body: Note) -> dict[str, str]:
        return {"text": body.text, "trace": traceparent.get()}

    @app.get("/notes")
    async def notes() -> list[str]:
        return []

    @app.get("/broken")
    async def broken() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            yield b"a part"
            raise RuntimeError("a secret")

        return StreamingResponse(parts())


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application behind a real server."""
    async with (
        serve(application(), "127.0.0.1", 0) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as client,
    ):
        yield client


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/fail/bug", 500, "internal_error"),
        ("GET", "/fail/invalid", 422, "invalid_field"),
        ("GET", "/fail/forbidden", 403, "forbidden"),
        ("GET", "/fail/busy", 503, "unavailable"),
        ("GET", "/fail/unavailable", 503, "mongodb_unavailable"),
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/%FF%00", 404, "not_found"),
        ("DELETE", "/notes", 405, "method_not_allowed"),
        ("POST", "/notes", 422, "invalid_field"),
        ("GET", "/fast", 405, "method_not_allowed"),
    ],
)
async def test_every_failure_is_a_problem(
    http: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    answer = await http.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"]
    problem = answer.json()
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem.keys() >= {"type", "title", "detail", "instance", "trace_id"}
    assert "secret" not in answer.text
    assert ("retry-after" in answer.headers) == (status == 503)


@pytest.mark.parametrize(
    ("method", "path", "methods"),
    [
        ("DELETE", "/notes", "GET, POST"),
        ("GET", "/fast", "POST"),
        ("POST", "/fail/bug", "GET"),
        ("PUT", "/broken", "GET"),
    ],
)
async def test_a_method_that_is_not_there_is_told_which_are(
    http: httpx.AsyncClient, method: str, path: str, methods: str
) -> None:
    assert (await http.request(method, path)).headers["allow"] == methods


@pytest.mark.parametrize(
    "said", [b"FOO /notes HTTP/1.1", b"GET /\xff HTTP/1.1", b"rubbish", b"GET /notes HTTP/9", b"\x16\x03\x01"]
)
async def test_what_is_no_http_is_a_problem_too(http: httpx.AsyncClient, said: bytes) -> None:
    reader, writer = await asyncio.open_connection(http.base_url.host, http.base_url.port)
    writer.write(said + b"\r\nHost: here\r\n\r\n")
    async with asyncio.timeout(60):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"content-type: application/problem+json" in head
    assert b"x-request-id: " in head
    assert json.loads(body)["code"] == "malformed"


async def test_a_bug_is_logged_once_and_answered_without_its_text(
    http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        by_framework = await http.get("/fail/bug")
        by_fast_route = await http.post("/fast", headers={"x-fail": "yes"})
    for answer in (by_framework, by_fast_route):
        assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
        assert "secret" not in answer.text
    assert len([record for record in caplog.records if record.name.startswith("libs.")]) == 2


async def test_a_body_that_breaks_off_does_not_look_complete(http: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        await http.get("/broken")


@pytest.mark.parametrize("path", ["/notes", "/fast"])
async def test_a_huge_body_is_refused_before_it_is_held(http: httpx.AsyncClient, path: str) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 50_000

    kind = {"content-type": "application/json"}
    for body in (b" " * (MAX_BODY + 1), parts()):
        answer = await http.post(path, content=body, headers=kind)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize("path", ["/notes", "/fast"])
async def test_a_body_of_one_mebibyte_passes(http: httpx.AsyncClient, path: str) -> None:
    start, end = b'{"text": "', b'"}'
    body = start + b"x" * (1024 * 1024 - len(start) - len(end)) + end
    answer = await http.post(path, content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (200, 202)


@pytest.mark.parametrize("body", [b"{", b'{"text": "\xff"}', b"[" * 100_000])
async def test_what_is_no_json_is_malformed(http: httpx.AsyncClient, body: bytes) -> None:
    answer = await http.post("/notes", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


async def test_an_invalid_field_is_pointed_at(http: httpx.AsyncClient) -> None:
    answer = await http.post("/notes", json={"text": 1})
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/text"]


async def test_a_request_id_is_kept(http: httpx.AsyncClient) -> None:
    for path in ("/fail/bug", "/nowhere", "/health/live"):
        assert (await http.get(path, headers={"x-request-id": "abc-1"})).headers["x-request-id"] == "abc-1"


@pytest.mark.parametrize("given", ["", "two words", "x" * 129, "a/b", "<script>"])
async def test_an_improper_request_id_is_replaced(http: httpx.AsyncClient, given: str) -> None:
    answer = await http.get("/health/live", headers={"x-request-id": given})
    assert len(answer.headers.get_list("x-request-id")) == 1
    assert answer.headers["x-request-id"] not in ("", given)


async def test_a_trace_is_continued(http: httpx.AsyncClient) -> None:
    headers = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    seen = (await http.post("/notes", json={"text": "hi"}, headers=headers)).json()["trace"]
    assert seen.startswith(f"00-{TRACE}-")
    assert seen.endswith("-00"), "whether it is recorded is not the client's to say"
    assert "00f067aa0ba902b7" not in seen
    assert (await http.get("/nowhere", headers=headers)).json()["trace_id"] == TRACE


@pytest.mark.parametrize("given", ["", "rubbish", f"00-{'0' * 32}-00f067aa0ba902b7-01", f"ff-{TRACE}-1-1"])
async def test_an_improper_trace_starts_a_new_one(http: httpx.AsyncClient, given: str) -> None:
    trace_id = (await http.get("/nowhere", headers={"traceparent": given})).json()["trace_id"]
    assert len(trace_id) == 32
    assert trace_id not in ("0" * 32, TRACE)


@pytest.mark.parametrize(("is_up", "status"), [(True, 200), (False, 503)])
async def test_ready_says_what_is_down(is_up: bool, status: int) -> None:
    transport = httpx.ASGITransport(application(is_up))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        ready = await client.get("/health/ready")
        live = await client.get("/health/live")
    assert ready.status_code == status
    other = "up" if is_up else "nobody listens"
    assert ready.json()["dependencies"] == {"good": "up", "other": other}
    assert live.status_code == 200


async def test_metrics_count_by_route_and_not_by_path(http: httpx.AsyncClient) -> None:
    for path in ("/fail/invalid", "/fail/forbidden", "/made-up-1", "/made-up-2"):
        await http.get(path)
    metrics = (await http.get("/metrics")).text
    assert 'parley_http_requests_total{method="GET",route="/fail/{kind}",status="422"}' in metrics
    assert 'route="unmatched",status="404"' in metrics
    assert "made-up" not in metrics


async def test_a_taken_port_is_said(http: httpx.AsyncClient) -> None:
    port = http.base_url.port
    assert port
    with pytest.raises(OSError, match=str(port)):
        async with serve(application(), "127.0.0.1", port):
            pass


async def test_who_asked_before_it_leaves_gets_the_answer() -> None:
    came, answering = asyncio.Event(), asyncio.Event()

    async def slow(headers: Mapping[bytes, bytes], body: bytes) -> tuple[int, bytes]:
        came.set()
        await answering.wait()
        return 202, b"{}"

    edge = Edge(create_app("test", {}), {("POST", "/slow"): slow})
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        async with serve(edge, "127.0.0.1", 0) as port:
            asking = asyncio.create_task(client.post(f"http://127.0.0.1:{port}/slow"))
            await came.wait()
            asyncio.get_running_loop().call_soon(answering.set)
        assert (await asking).status_code == 202
