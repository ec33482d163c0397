"""The real servers of a test run: one stack of its own, started once; a database, topics and names per test.

`PARLEY_TEST_SETTINGS` may name the settings file of a stack that runs already; then that one is used and left running.
"""

import os
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from redis.asyncio import Redis

from deploy.local.throwaway import throwaway
from libs.common import mongo, redis, schema
from libs.common.settings import CommonSettings
from libs.common.tests.scans import report, scans_of, watch_for_scans

ROOT = Path(__file__).parent
STACK_FIXTURES = {"target", "stack", "database", "cache", "kafka", "etcd_endpoint", "chat"}

# Machines are noisy: how long an example takes decides nothing.
settings.register_profile("parley", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("parley")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if not STACK_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker("pure")


class Stack(CommonSettings):
    """Where the servers of this run are."""

    gateway_url: str = "http://127.0.0.1:8080"
    state: Path = ROOT / ".local"


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    if given := os.environ.get("PARLEY_TEST_SETTINGS"):
        yield Stack(_env_file=given, state=Path(given).parent)  # type: ignore[call-arg]
        return
    with throwaway(tmp_path_factory.mktemp("stack")) as running:
        yield Stack(_env_file=running.places.settings, state=running.places.state)  # type: ignore[call-arg]


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[mongo.Database]:
    """An empty database with the collections and indexes of the product, gone after the test; it may scan nothing."""
    async with mongo.connect(stack.mongo, f"test-{secrets.token_hex(6)}") as fresh:
        await schema.create_collections(fresh)
        await watch_for_scans(fresh)
        yield fresh
        scans = await scans_of(fresh)
        await fresh.client.drop_database(fresh.name)
    if scans:
        pytest.fail(report(scans), pytrace=False)


@pytest.fixture
async def no_scans(stack: Stack) -> AsyncIterator[None]:
    """What the services of the stack ask of their database meanwhile is answered by indexes."""
    async with mongo.connect(stack.mongo, stack.mongo_database, timeout_s=20) as database:
        await watch_for_scans(database)
        yield
        scans = await scans_of(database)
    if scans:
        pytest.fail(report(scans), pytrace=False)


@pytest.fixture
async def cache(stack: Stack) -> AsyncIterator[Redis]:
    """Redis, shared: tests use names of their own."""
    async with redis.connect(stack.redis) as client:
        yield client


@pytest.fixture
async def kafka(stack: Stack) -> AsyncIterator[tuple[str, str]]:
    """(bootstrap servers, a topic prefix of this test's own, whose topics exist)."""
    prefix = f"test-{secrets.token_hex(6)}."
    await schema.create_topics(stack.kafka, prefix)
    yield stack.kafka, prefix
    await schema.delete_topics(stack.kafka, prefix)


@pytest.fixture(scope="session")
def etcd_endpoint(stack: Stack) -> str:
    return stack.etcd
