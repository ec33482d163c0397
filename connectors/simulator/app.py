"""Wires the simulator: each platform by itself, and one door for all."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path

import httpx
import msgspec
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from fastapi.telemetry import TelemetryConfig
from starlette.requests import ClientDisconnect

from connectors.simulator.interface import Impossible
from connectors.simulator.memory import Memory
from connectors.simulator.messaging import instagram, messenger
from connectors.simulator.phones import phone_routes
from connectors.simulator.platform import Platform
from connectors.simulator.server import Door
from connectors.simulator.settings import Settings
from connectors.simulator.telegram import telegram
from connectors.simulator.whatsapp import whatsapp

PLATFORMS: Mapping[str, Callable[[Settings, Path, httpx.AsyncClient], Platform]] = {
    "telegram": telegram,
    "whatsapp": whatsapp,
    "messenger": messenger,
    "instagram": instagram,
}
NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}


@contextlib.asynccontextmanager
async def simulator(settings: Settings) -> AsyncIterator[Door]:
    with tempfile.TemporaryDirectory(prefix="parley-simulator-") as folder:
        app = FastAPI(
            title="Parley's platform simulator",
            openapi_url="/_sim/openapi.json",
            docs_url=None,
            redoc_url=None,
            telemetry=NO_TELEMETRY,
        )
        door, memory = Door(app, settings.host, settings.port), Memory(settings.memory_file)
        async with _client(settings) as http, asyncio.TaskGroup() as tasks:
            platforms = _platforms(settings, Path(folder), http)
            for platform in platforms:
                platform.remember(memory)
            _add_routes(app, platforms, door)
            async with door:
                sending = [tasks.create_task(platform.run()) for platform in platforms]
                yield door
                for each in sending:
                    each.cancel()
            memory.close()


def _platforms(settings: Settings, folder: Path, http: httpx.AsyncClient) -> Sequence[Platform]:
    """Each keeps its files in a folder of its own."""
    made: list[Platform] = []
    for name, platform in PLATFORMS.items():
        (folder / name).mkdir()
        made.append(platform(settings, folder / name, http))
    return made


def _add_routes(app: FastAPI, platforms: Sequence[Platform], door: Door) -> None:
    for router in (router for platform in platforms for router in platform.routers(door.refuse)):
        app.include_router(router)
    app.include_router(phone_routes({platform.phones.channel: platform.phones for platform in platforms}))

    @app.post("/_sim/reset")
    async def reset(keep_bots: bool = False) -> dict[str, bool]:
        """Forgets everything, faults and limits included; with `keep_bots` accounts and their webhooks stay."""
        for platform in platforms:
            platform.reset(keep_bots)
        return {"reset": True}

    @app.exception_handler(Impossible)
    async def on_impossible(_: Request, error: Impossible) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 409)

    @app.exception_handler(ClientDisconnect)
    async def on_disconnect(_: Request, __: ClientDisconnect) -> Response:
        """Nobody reads it: whoever called was killed, or gave up."""
        return Response(status_code=400)

    @app.exception_handler(msgspec.ValidationError)
    async def on_wrong_body(_: Request, error: msgspec.ValidationError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 422)


def _client(settings: Settings) -> httpx.AsyncClient:
    """For webhooks: as many connections as accounts ask for, and nothing of the environment."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=200, keepalive_expiry=30)
    timeout = httpx.Timeout(settings.webhook_timeout_s, connect=10)
    return httpx.AsyncClient(limits=limits, timeout=timeout, verify=settings.verify, trust_env=False)
