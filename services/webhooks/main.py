"""The wiring of webhooks: platforms in and third parties out, from the stores to the port."""

import asyncio
import logging
from collections.abc import Mapping

import httpx

from connectors.catalogue import read_accounts
from connectors.sdk import Connector
from libs.common import etcd, http, kafka
from libs.common.auth import TokenVerifier
from libs.common.bus import Publisher
from libs.common.installation import derived, proven
from libs.common.process import run, wait_for
from libs.common.revocations import Revocations
from services.webhooks.handlers import Connectors, Registration, Updates
from services.webhooks.outgoing.domain.urls import Reach
from services.webhooks.outgoing.handlers.registering import Registering, Rules
from services.webhooks.outgoing.handlers.replaying import Log
from services.webhooks.outgoing.handlers.sending import Policy
from services.webhooks.outgoing.routes import log_routes, registration_routes
from services.webhooks.outgoing.store.sealing import Seal
from services.webhooks.outgoing.wiring import consumers, outgoing, work
from services.webhooks.routes import webhook_routes
from services.webhooks.settings import Settings

log = logging.getLogger(__name__)

MOST_BYTES = 3_300_000  # Meta's platforms put up to 3 MB into one request


def wire(
    connectors: Connectors,
    publisher: Publisher,
    registering: Registering,
    deliveries: Log,
    verifier: TokenVerifier,
    checks: Mapping[str, http.Check],
    notes: Mapping[str, str],
) -> http.Edge:
    app = http.create_app("Parley webhooks", checks, notes)
    app.state.verifier = verifier
    app.include_router(webhook_routes(Updates(connectors, publisher)))
    app.include_router(registration_routes(registering))
    app.include_router(log_routes(deliveries))
    return http.Edge(app, max_body=MOST_BYTES)


async def main(settings: Settings, stop: asyncio.Event) -> None:
    """An account that is configured by halves ends the process: without its secret it could verify nothing."""
    accounts = read_accounts(settings.channels)
    for why in accounts.off:
        log.warning("%s", why)
    seal = Seal(derived(settings.installation_secret, "webhooks"))
    rules = Rules(Reach(settings.webhooks_http, settings.webhooks_networks), settings.webhooks_per_user)
    policy = Policy(settings.webhooks_schedule_s, settings.webhooks_patience)
    async with (
        httpx.AsyncClient(trust_env=False) as client,
        kafka.connect(settings.kafka, settings.topic_prefix, window_s=kafka.WINDOW_S) as producer,
        etcd.connect(settings.etcd) as registry,
        outgoing(registry, settings.mongo, settings.mongo_database, seal, rules, policy) as out,
        asyncio.TaskGroup() as tasks,
    ):
        tokens = TokenVerifier(f"{settings.auth_url}/.well-known/jwks.json", client)
        members = consumers(out, settings.kafka, settings.topic_prefix, producer)
        connectors: dict[tuple[str, str], Connector] = {
            (a.channel, a.account): a.connector(client) for a in accounts.on
        }
        registration = Registration(connectors, settings.public_url)
        checks: dict[str, http.Check] = {"Kafka": producer.check, "auth": tokens.check, **out.checks}
        checks |= {group: member.check for group, member in members.items()}
        edge = wire(connectors, producer, out.registering, out.log, tokens, checks, registration.notes)
        async with http.serve(edge, settings.host, settings.webhooks_port):
            await proven(out.database, settings.installation_secret, stop)
            background: list[asyncio.Task[None]] = [
                tasks.create_task(each.run()) for each in (Revocations(registry, tokens), tokens)
            ]
            working = tasks.create_task(work(out, members, stop))
            await wait_for("Kafka", producer.check, stop)
            if settings.public_url:
                background.append(tasks.create_task(registration.run()))
            await stop.wait()
            await working
        for task in background:
            task.cancel()


if __name__ == "__main__":
    settings = Settings.load()
    run("webhooks", settings, lambda stop: main(settings, stop))
