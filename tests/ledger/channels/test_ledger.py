"""The product passes the ledger of channels, and routers that are broken on purpose do not."""

from collections.abc import AsyncIterator

import pytest

from tests.ledger.channels.broken import BROKEN, Broken
from tests.ledger.channels.report import render
from tests.ledger.channels.run import Plan, prove
from tests.ledger.platform import Platform, plain_platform

pytestmark = pytest.mark.long

SEED = 1
CHANCES = 8
HARMS = ("kill router", "answers get lost", "platforms away", "kill webhooks")


@pytest.fixture(scope="module")
async def target(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    async with plain_platform(tmp_path_factory.mktemp("ledger-channels")) as running:
        yield running


@pytest.mark.timeout(900)
async def test_each_platforms_log_agrees_with_what_is_stored_here(target: Platform) -> None:
    outcome = await prove(Plan(messages=100, groups=3, harms=HARMS, seed=SEED), target, print)
    assert outcome.is_clean, render(outcome)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
async def test_a_broken_router_is_caught_by_the_check_made_for_it(target: Platform, broken: Broken) -> None:
    """Whether the harm falls into the moment in which it does harm is chance, so it has a few."""
    async with target.replaced("router", broken.module):
        for seed in range(SEED, SEED + CHANCES):
            made = Plan(messages=40, groups=1, harms=broken.harms, seed=seed, patience_s=20)
            outcome = await prove(made, target, print)
            if broken.caught_by in [verdict.check for verdict in outcome.verdicts if verdict.count]:
                return
    pytest.fail(render(outcome), pytrace=False)
