"""The gateway's doors, at their edges."""

import asyncio
from urllib.parse import urlsplit

import httpx
import pytest

from tests.conftest import Chat

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.mark.parametrize("path", ["/v1/conversations/", "/v1", "/v1/auth", "/v1/messages/"])
async def test_a_path_that_is_not_there_is_no_redirect(chat: Chat, path: str) -> None:
    person = await chat.person("ana")
    async with httpx.AsyncClient(base_url=chat.stack.gateway_url, timeout=60) as http:
        answer = await http.get(path, headers={"Authorization": f"Bearer {person.client.access_token}"})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_another_method_on_the_fast_route_is_405(chat: Chat) -> None:
    async with httpx.AsyncClient(base_url=chat.stack.gateway_url, timeout=60) as http:
        answer = await http.get("/v1/messages")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


async def test_pages_of_the_gateway_may_open_a_socket_and_others_may_not(chat: Chat) -> None:
    own = await _upgrade(chat, chat.stack.gateway_url)
    foreign = await _upgrade(chat, "https://evil.example")
    elsewhere_on_this_host = await _upgrade(chat, f"http://{urlsplit(chat.stack.gateway_url).hostname}:1")
    assert [int(a.split()[1]) for a in (own, foreign, elsewhere_on_this_host)] == [101, 403, 403]
    assert "application/problem+json" in foreign
    assert "origin_not_allowed" in foreign


async def _upgrade(chat: Chat, origin: str) -> str:
    """The answer, headers and what came with them."""
    url = urlsplit(chat.stack.gateway_url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    headers = {"Host": url.netloc, "Origin": origin, **UPGRADE}
    lines = ["GET /v1/ws HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items()), "", ""]
    writer.write("\r\n".join(lines).encode())
    async with asyncio.timeout(60):
        head = await reader.readuntil(b"\r\n\r\n")
        body = b"" if b" 101 " in head else await reader.readuntil(b"}")
    writer.close()
    return (head + body).decode()
