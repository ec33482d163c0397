"""Wires auth: etcd and the folder of keys below, HTTP above."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Mapping

import httpx
from fastapi import FastAPI
from starlette.types import ASGIApp

from libs.common import etcd, process
from libs.common.auth import TokenVerifier
from libs.common.clock import now, rfc3339
from libs.common.configured import Configured
from libs.common.events import NOTICE_EVENTS, NoticeEvent, cloud_headers, encode
from libs.common.http import Check, Edge, create_app, serve
from libs.common.revocations import Revocations
from libs.common.telemetry import continue_trace
from services.auth.handlers.accounts import Accounts
from services.auth.handlers.channels import Channels
from services.auth.handlers.guard import Guard
from services.auth.handlers.passwords import Passwords, cores_for_passwords
from services.auth.handlers.proving import Proving, Sending
from services.auth.handlers.sessions import Sessions
from services.auth.routes.accounts import account_routes
from services.auth.routes.addresses import Proxies
from services.auth.routes.channels import channel_routes
from services.auth.routes.sessions import session_routes
from services.auth.settings import Settings
from services.auth.store.accounts import EtcdAccounts
from services.auth.store.channels import EtcdMappings
from services.auth.store.claims import EtcdClaims
from services.auth.store.keys import KeyRing
from services.auth.store.sessions import EtcdSessions

log = logging.getLogger(__name__)


def wire(
    accounts: Accounts,
    channels: Channels,
    sessions: Sessions,
    keys: KeyRing,
    proxies: Proxies,
    checks: Mapping[str, Check],
) -> FastAPI:
    app = create_app("Parley auth", checks)
    app.include_router(account_routes(accounts, channels))
    app.include_router(channel_routes(channels))
    app.include_router(session_routes(sessions, keys.jwks, proxies))
    return app


@contextlib.asynccontextmanager
async def application(
    registry: etcd.Etcd, keys: KeyRing, proxies: Proxies, passwords: Passwords, sending: Sending | None = None
) -> AsyncIterator[ASGIApp]:
    checks: dict[str, Check] = {"etcd": registry.check, "keys": keys.check}
    accounts = Accounts(EtcdAccounts(registry), passwords)
    sessions = Sessions(EtcdSessions(registry), accounts, passwords, Guard(time.monotonic), keys)
    mappings = EtcdMappings(registry)
    channels = Channels(mappings, Proving(EtcdClaims(registry), mappings, passwords, sending))
    app = wire(accounts, channels, sessions, keys, proxies, checks)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as itself, asyncio.TaskGroup() as tasks:
        verifier = TokenVerifier("http://auth/.well-known/jwks.json", itself)
        background = [tasks.create_task(each.run()) for each in (Revocations(registry, verifier), verifier)]
        app.state.verifier, checks["tokens"] = verifier, verifier.check
        yield Edge(app)
        for task in background:
            task.cancel()


@contextlib.asynccontextmanager
async def codes(settings: Settings, registry: etcd.Etcd) -> AsyncIterator[Sending | None]:
    """How codes are sent, where proofs are asked for: else Kafka's client is not even loaded.

    Readiness does not wait for Kafka: people log in without it.
    """
    if not settings.verify_addresses:
        yield None
        return
    from libs.common import kafka

    configured = Configured(registry)
    async with kafka.connect(settings.kafka, settings.topic_prefix) as producer, asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(configured.run())

        async def publish(notice: NoticeEvent) -> None:
            trace = continue_trace(None)
            headers = cloud_headers(notice, notice.notice_id, "/parley/auth", rfc3339(now()), trace)
            await producer.publish(NOTICE_EVENTS, f"{notice.channel}/{notice.address}", encode(notice), headers)

        yield Sending(configured.channels, publish)
        watching.cancel()


async def main(stop: asyncio.Event) -> None:
    settings = Settings.load()
    keys = KeyRing(settings.keys)
    with Passwords(cores_for_passwords()) as passwords:
        async with (
            etcd.connect(settings.etcd) as registry,
            codes(settings, registry) as sending,
            application(registry, keys, settings.proxies, passwords, sending) as app,
            serve(app, settings.host, settings.auth_port),
        ):
            await process.wait_for("etcd", registry.check, stop)
            await process.wait_for("keys", keys.check, stop)
            log.info("auth answers on port %d", settings.auth_port)
            await stop.wait()


if __name__ == "__main__":
    process.run("auth", Settings.load(), main)
