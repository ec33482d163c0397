"""The gateway alone, with no service behind it: what it answers by itself."""

import json
import re
import socket
import ssl
from collections.abc import Iterator

import pytest

from deploy.local.gateway import DOCUMENTS
from deploy.local.stack import Stack
from deploy.local.tests.scene import stack_in, start_well
from deploy.local.throwaway import free_base


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with free_base() as base, stack_in(tmp_path_factory.mktemp("gateway")) as stack:
        start_well(stack.places, base, "nginx")
        yield stack


class Answer:
    def __init__(self, text: str) -> None:
        head, _, self.body = text.partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        self.status = int(first.split()[1])
        self.headers = [tuple(line.lower().split(": ", 1)) for line in lines]

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def problem(self) -> dict[str, object]:
        assert self.all("content-type") == ["application/problem+json"]
        problem: dict[str, object] = json.loads(self.body)
        return problem


def send(stack: Stack, request: bytes, port: str = "gateway http") -> Answer:
    with socket.create_connection(("127.0.0.1", stack.ports[port]), 60) as connection:
        connection.sendall(request)
        return Answer(b"".join(iter(lambda: connection.recv(65536), b"")).decode())


def get(stack: Stack, path: str, headers: str = "") -> Answer:
    return send(stack, f"GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n{headers}\r\n".encode())


@pytest.mark.parametrize(
    "path",
    ["/v1/messages", "/v1/users/me", "/v1/auth/token", "/v1/presence", "/.well-known/jwks.json", "/health/ready"],
)
def test_a_service_that_is_down_is_a_503_that_says_when_to_retry(stack: Stack, path: str) -> None:
    answer = get(stack, path)
    assert (answer.status, answer.problem()["code"], answer.all("retry-after")) == (503, "unavailable", ["1"])


@pytest.mark.parametrize(
    "path",
    [
        *("/metrics", "/v1/../metrics", "/v1/%2e%2e/metrics", "/v1/..%2fmetrics", "/", "/-/not_found"),
        *("/internal/files/1", "/v1/files/../../internal/files/1", "/v1/files/%2e%2e/%2e%2e/internal/files/1"),
    ],
)
def test_what_is_not_routed_is_not_there(stack: Stack, path: str) -> None:
    answer = get(stack, path)
    assert (answer.status, answer.problem()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("request_line", "status", "code"),
    [
        (b"GARBAGE", 400, "bad_request"),
        (b"GET / HTTP/1.1\r\nno colon", 400, "bad_request"),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: here", 414, "uri_too_long"),
        (b"GET / HTTP/1.1\r\nHost: here\r\nX: " + b"a" * 9000, 431, "headers_too_large"),
        (b"GET / HTTP/3.0\r\nHost: here", 505, "http_version_not_supported"),
        (b"POST /v1/messages HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: gzip", 501, "not_implemented"),
        (b"TRACE / HTTP/1.1\r\nHost: here", 405, "method_not_allowed"),
        (b"POST /v1/messages HTTP/1.1\r\nHost: here\r\nContent-Length: 1200000", 413, "too_large"),
    ],
)
def test_a_request_that_will_not_do_is_told_why(stack: Stack, request_line: bytes, status: int, code: str) -> None:
    answer = send(stack, request_line + b"\r\nConnection: close\r\n\r\n")
    assert (answer.status, answer.problem()["code"]) == (status, code)


def test_plain_http_on_the_tls_port_is_told_so(stack: Stack) -> None:
    answer = send(stack, b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n", "gateway https")
    assert answer.problem()["code"] == "tls_required"


def test_the_certificate_is_good_for_localhost(stack: Stack) -> None:
    context = ssl.create_default_context(cafile=str(stack.places.secrets / "tls.crt"))
    with (
        socket.create_connection(("127.0.0.1", stack.ports["gateway https"]), 60) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        assert connection.version() in ("TLSv1.2", "TLSv1.3")


def test_a_socket_path_without_an_upgrade_asks_for_one(stack: Stack) -> None:
    answer = get(stack, "/v1/ws")
    assert (answer.status, answer.all("upgrade")) == (426, ["websocket"])


HANDSHAKE = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"


@pytest.mark.parametrize(
    ("method", "said", "instead", "status"),
    [
        ("GET", "Version: 13", "Version: 8", 426),
        ("GET", "Version: 13", "X: 13", 426),
        ("GET", "dGhl", "x", 400),
        ("POST", "", "", 405),
        ("GET", "", "", 503),
    ],
)
def test_a_handshake_of_the_wrong_form_is_a_problem(
    stack: Stack, method: str, said: str, instead: str, status: int
) -> None:
    handshake = HANDSHAKE.replace(said, instead, 1)
    request = f"{method} /v1/ws HTTP/1.1\r\nHost: here\r\nConnection: close, Upgrade\r\n{handshake}\r\n"
    assert send(stack, request.encode()).problem()["status"] == status


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize(
    ("said", "is_kept"),
    [
        (f"00-{TRACE}-00f067aa0ba902b7-01", True),
        (f"00-{TRACE}-0000000000000000-01", False),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", False),
        (f"00-{TRACE.upper()}-00f067aa0ba902b7-01", False),
        (TRACE, False),
        ('00-"-00f067aa0ba902b7-01', False),
    ],
)
def test_the_trace_of_the_client_is_kept(stack: Stack, said: str, is_kept: bool) -> None:
    for path in ("/nothing", "/v1/messages"):
        answer = get(stack, path, f"traceparent: {said}\r\n")
        assert answer.problem()["trace_id"] == (TRACE if is_kept else answer.all("x-request-id")[0])


@pytest.mark.parametrize("path", ["/nothing", "/v1/messages", "/v1/ws"])
def test_a_harmless_request_id_of_the_client_is_kept_and_answered_once(stack: Stack, path: str) -> None:
    answer = get(stack, path, "X-Request-Id: order-66.a_B\r\n")
    assert answer.all("x-request-id") == ["order-66.a_b"]
    assert answer.problem()["trace_id"] == "order-66.a_B"


@pytest.mark.parametrize("strange", ['a"b', "a b", "a" * 129, "ü"])
def test_any_other_request_id_is_replaced(stack: Stack, strange: str) -> None:
    answer = get(stack, "/nothing", f"X-Request-Id: {strange}\r\n")
    [given] = answer.all("x-request-id")
    assert given == answer.problem()["trace_id"]
    assert len(given) == 32


def test_a_path_that_would_break_the_json_is_left_out_of_it(stack: Stack) -> None:
    assert get(stack, '/a"b?x=1').problem()["instance"] == "/"
    assert get(stack, "/a-b/c?x=1").problem()["instance"] == "/a-b/c"


def test_no_answer_names_the_version_of_the_server(stack: Stack) -> None:
    assert get(stack, "/nothing").all("server") == ["nginx"]


@pytest.mark.parametrize("path", ["/api-docs", "/api-docs/"])
def test_the_page_of_the_api_may_ask_this_gateway_alone(stack: Stack, path: str) -> None:
    page = get(stack, path)
    assert (page.status, page.all("content-type")) == (200, ["text/html; charset=utf-8"])
    [policy] = page.all("content-security-policy")
    assert set(re.findall(r"'\w+'|\w+:", policy)) == {"'none'", "'self'", "data:"}


def test_all_that_the_page_of_the_api_loads_is_here(stack: Stack) -> None:
    page = get(stack, "/api-docs").body + get(stack, "/api-docs/page.js").body
    loaded = re.findall(r'(?:href|src|url)\W+"?(/[\w./-]+)"', page)
    assert {path.rpartition("/")[2] for path in loaded} == {
        *("page.css", "page.js", "swagger-ui.css", "swagger-ui-bundle.js", "openapi.json"),
    }
    assert [path for path in loaded if get(stack, path).status != 200] == []


@pytest.mark.parametrize("path", ["/api-docs/openapi.json", "/openapi.json"])
def test_the_document_of_the_api_is_served_as_it_is_committed(stack: Stack, path: str) -> None:
    answer = get(stack, path)
    assert answer.all("content-type") == ["application/json"]
    assert json.loads(answer.body) == json.loads((DOCUMENTS / "openapi.json").read_text())


@pytest.mark.parametrize("path", ["/api-docs/swagger-ui", "/api-docs/swagger-ui/", "/api-docs/x.js", "/api-docs../api"])
def test_nothing_else_stands_beside_the_page_of_the_api(stack: Stack, path: str) -> None:
    answer = get(stack, path)
    assert (answer.status, answer.problem()["code"]) == (404, "not_found")
