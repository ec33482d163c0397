"""The wiring of files, from the stores to the port."""

import asyncio
import logging
from collections.abc import Mapping

from libs.common import etcd, http, jwks, kafka, mongo, storage
from libs.common.auth import TokenVerifier
from libs.common.conversations import Members
from libs.common.events import FILE_EVENTS
from libs.common.files import Files as SharedFiles
from libs.common.installation import derived, proven
from libs.common.process import run, wait_for
from libs.common.revocations import Revocations
from services.files.domain.types import patterns
from services.files.handlers.aftermath import Aftermath, Recovery
from services.files.handlers.arriving import MOST_BYTES, Arriving
from services.files.handlers.completing import Completion
from services.files.handlers.files import Files
from services.files.handlers.uploads import Uploads
from services.files.handlers.verifying import Verifier
from services.files.internal import internal_routes
from services.files.routes import complete_route, file_routes, initiate_route, upload_routes
from services.files.scanners import scanner_from
from services.files.settings import Settings
from services.files.store import FileStore
from services.files.thumbnails.worker import Thumbnails

OFF = "off, files are not scanned"

log = logging.getLogger(__name__)


def wire(
    uploads: Uploads,
    files: Files,
    completion: Completion,
    verifier: TokenVerifier,
    checks: Mapping[str, http.Check],
    notes: Mapping[str, str],
) -> http.Edge:
    app = http.create_app("Parley files", checks, notes)
    app.state.verifier = verifier
    app.include_router(upload_routes(uploads))
    app.include_router(file_routes(files))
    fast: dict[tuple[str, str], http.FastRoute] = {
        ("POST", "/v1/files/initiate"): initiate_route(verifier, uploads),
        ("POST", "/v1/files/complete"): complete_route(verifier, completion),
    }
    return http.Edge(app, fast)


def wire_inside(arriving: Arriving, token: str, checks: Mapping[str, http.Check]) -> http.Edge:
    """The listener for our own services: no gateway leads there."""
    app = http.create_app("Parley files, inside", checks)
    app.include_router(internal_routes(arriving, token))
    return http.Edge(app, max_body=MOST_BYTES)


async def main(settings: Settings, stop: asyncio.Event) -> None:
    async with (
        mongo.connect(settings.mongo, settings.mongo_database) as database,
        etcd.connect(settings.etcd) as registry,
        jwks.client(settings.auth_url) as client,
        kafka.connect(settings.kafka, settings.topic_prefix) as producer,
        storage.connect(settings.place, settings.files_at_once) as objects,
        asyncio.TaskGroup() as tasks,
    ):
        tokens = TokenVerifier(f"{settings.auth_url}/.well-known/jwks.json", client)
        store = FileStore(database)
        aftermath = Aftermath(store, objects, producer.publish)
        scanner = scanner_from(settings.files_scanner)
        verifier = Verifier(store, objects, aftermath.follow_up, tasks, scanner, settings.files_at_once)
        recovery = Recovery(store, verifier, aftermath)
        uploads = Uploads(store, objects, Members(database), patterns(settings.files_types), settings.files_quota_bytes)
        files = Files(store, objects, SharedFiles(database), aftermath.follow_up)
        thumbnails = kafka.Consumer(
            *(settings.kafka, "files-thumbnails", FILE_EVENTS, Thumbnails(store, objects, stop), producer),
            topic_prefix=settings.topic_prefix,
        )
        tasks.create_task(thumbnails.run(stop))
        background = [tasks.create_task(each.run()) for each in (Revocations(registry, tokens), tokens, recovery)]
        checks: dict[str, http.Check] = {
            "MongoDB": lambda: mongo.check(database),
            "etcd": registry.check,
            "Kafka": producer.check,
            "S3": objects.check,
            "auth": tokens.check,
            "thumbnails": thumbnails.check,
        }
        notes = {"scanner": scanner.name if scanner else OFF}
        if scanner is not None:
            checks["scanner"] = scanner.check
        log.info("scanner: %s", notes["scanner"])
        completion = Completion(store, objects, verifier)
        edge = wire(uploads, files, completion, tokens, checks, notes)
        token = derived(settings.installation_secret, "internal calls").hex()
        inside = wire_inside(Arriving(uploads, completion, aftermath.follow_up), token, checks)
        async with (
            http.serve(edge, settings.host, settings.files_port),
            http.serve(inside, settings.host, settings.files_internal_port),
        ):
            await proven(database, settings.installation_secret, stop)
            await wait_for("S3", objects.make_bucket, stop)
            for what, check in checks.items():
                await wait_for(what, check, stop)
            await stop.wait()
        for task in background:
            task.cancel()
        verifier.stop()


if __name__ == "__main__":
    settings = Settings.load()
    run("files", settings, lambda stop: main(settings, stop))
