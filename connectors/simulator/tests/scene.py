"""A world without a server for decisions, and a running simulator with a client for everything else."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from connectors.simulator.app import simulator
from connectors.simulator.files import Files
from connectors.simulator.settings import Settings
from connectors.simulator.telegram.people import People
from connectors.simulator.telegram.world import Bot, World

TOKEN = "77:a-token-for-tests"
OTHER = "78:another-token"


@dataclass
class Clock:
    now: float = 1_795_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Small:
    """A world with one bot and one person, on a clock that stands still."""

    folder: Path
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.world = World(self.clock, random.Random(7), Files(self.folder, 1_000_000), 100, 100)
        self.bot: Bot = self.world.add_bot(TOKEN, "Parley", "parley_bot")
        self.people = People(self.world)
        self.ana = self.people.add("ana")


class Platform:
    """The Bot API by `call`, the simulator's own interface by `sim`."""

    def __init__(self, url: str, http: httpx.AsyncClient) -> None:
        self.url = url
        self.http = http

    async def reset(self) -> None:
        """No flood limits: few tests are about them."""
        await self.http.post(f"{self.url}/_sim/reset")
        await self.sim("limits", "PUT", enabled=False)

    async def answer(self, method: str, token: str = TOKEN, **parameters: Any) -> httpx.Response:
        return await self.http.post(f"{self.url}/bot{token}/{method}", json=parameters)

    async def call(self, method: str, token: str = TOKEN, **parameters: Any) -> Any:
        """The result; fails the test where there is none."""
        answer = (await self.answer(method, token, **parameters)).json()
        assert answer["ok"], answer
        return answer["result"]

    async def refused(self, method: str, **parameters: Any) -> str:
        """The status and the description."""
        answer = await self.answer(method, **parameters)
        body = answer.json()
        assert (body["ok"], body["error_code"]) == (False, answer.status_code)
        return f"{body['error_code']} {body['description']}"

    async def sim(self, path: str, method: str = "POST", /, **body: Any) -> Any:
        query, sent = (body, None) if method == "GET" else (None, body)
        answer = await self.http.request(method, f"{self.url}/_sim/telegram/{path}", params=query, json=sent)
        assert answer.is_success, answer.text
        return answer.json()

    async def person(self, name: str, **more: Any) -> int:
        return int((await self.sim("people", first_name=name, **more))["id"])

    async def say(self, name: str, text: str, **more: Any) -> Any:
        return await self.sim(f"people/{name}/say", text=text, **more)

    async def updates(self) -> list[Any]:
        """What the bot has not seen yet; from here on it has."""
        found = await self.call("getUpdates")
        if found:
            await self.call("getUpdates", offset=found[-1]["update_id"] + 1)
        return [{k: v for k, v in update.items() if k != "update_id"} for update in found]

    async def accepted(self) -> list[Any]:
        return list((await self.sim("log", "GET"))["items"])


@asynccontextmanager
async def running(**settings: Any) -> AsyncIterator[Platform]:
    """With one bot."""
    given = Settings(_env_file=None, port=0, telegram_tokens=(TOKEN,), **settings)  # type: ignore[call-arg]
    async with simulator(given) as door, httpx.AsyncClient(trust_env=False, timeout=20) as http:
        yield Platform(door.url, http)
