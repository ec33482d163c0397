"""The product passes the ledger, and platforms that are broken on purpose do not."""

from collections.abc import AsyncIterator

import pytest

from tests.ledger.__main__ import is_good
from tests.ledger.broken import BROKEN, Broken
from tests.ledger.faults import ABOUT_S
from tests.ledger.platform import Platform, platform
from tests.ledger.report import render
from tests.ledger.run import Plan, prove

pytestmark = pytest.mark.long

SEED = 1
MESSAGES = 5_000
RATE = MESSAGES / (6 * ABOUT_S)
FEW = 200
CHANCES = 8
FAULTS = ("kill router", "kill kafka", "kill presence", "kill redis", "cut mongo", "restart all")


@pytest.fixture(scope="module")
async def target(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    async with platform(tmp_path_factory.mktemp("ledger")) as running:
        yield running


@pytest.mark.timeout(900)
async def test_nothing_is_lost_doubled_or_swapped_through_six_faults(target: Platform) -> None:
    made = Plan(messages=MESSAGES, rate=RATE, faults=FAULTS, seed=SEED, patience_s=120)
    outcome = await prove(made, target, print)
    assert is_good(outcome), render(outcome)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
async def test_a_broken_platform_is_caught_by_the_check_made_for_it(target: Platform, broken: Broken) -> None:
    """Whether the harm falls into the moment in which it does harm is chance, so it has a few."""
    async with target.replaced(broken.service, broken.module):
        for seed in range(SEED, SEED + CHANCES):
            made = Plan(messages=FEW, rate=RATE, faults=broken.faults, seed=seed, patience_s=5)
            outcome = await prove(made, target, print)
            if broken.caught_by in [verdict.check for verdict in outcome.verdicts if verdict.count]:
                return
    pytest.fail(render(outcome), pytrace=False)
