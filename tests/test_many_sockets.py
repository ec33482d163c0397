"""One node holds 2,000 people's sockets at once, and each costs little."""

import os
import secrets
import time

import jwt

from bench.sockets import markdown, measure
from tests.conftest import Chat

COUNT = 2_000
IDLE_S = 20.0  # some heartbeats
MOST_BYTES = 64 * 1024  # of one socket, in the node


def tokens(chat: Chat, count: int) -> list[str]:
    """Of people who never registered, signed with the stack's own key: to log in so many would take an hour of CPU."""
    key = max((chat.stack.state / "secrets" / "keys").glob("*.pem"))
    at, mark = int(time.time()), secrets.token_hex(4)
    common = {"iss": "parley", "aud": "parley", "iat": at, "exp": at + 3600, "roles": ["user"]}
    people = [{"sub": f"many-{mark}-{n}", "sid": f"{mark}-{n}", "jti": f"{mark}-{n}"} for n in range(count)]
    headers = {"kid": key.stem}
    return [jwt.encode(common | person, key.read_bytes(), "ES256", headers) for person in people]


async def test_two_thousand_sockets_of_as_many_people_are_open_on_one_node(chat: Chat) -> None:
    chat.kill("presence")
    await chat.whole_again()
    pids = {name: chat.processes.pid_of(name) for name in ("presence", "nginx", "redis")}
    figures = await measure(chat.stack.gateway_url, tokens(chat, COUNT), IDLE_S, pids)
    print(f"\n{markdown(figures)}, load {os.getloadavg()[0]:.1f}")  # noqa: T201
    assert figures.silent == 0
    assert figures.costs["presence"].bytes_each < MOST_BYTES
