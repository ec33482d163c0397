"""What one message makes the servers do: no more than its budget says, at a load that is always the same."""

import pytest
from rich.console import Console

from bench.operations.budget import compare, complaints, read_budget, table
from bench.operations.measure import measure
from conftest import Stack

WHAT_TO_DO = "`make bench what=operations write=1` makes what it costs now the budget; the commit says why it may rise."


RUNS = 3  # what earlier tests left to the servers adds to one of them; what a message costs is in all


@pytest.mark.long  # on servers that nothing else has used yet
@pytest.mark.timeout(300)
async def test_a_message_costs_what_its_budget_says(stack: Stack) -> None:
    for _ in range(RUNS):
        lines = compare(await measure(stack.state / "parley.env", Console(stderr=True)), read_budget())
        if not (found := complaints(lines)):
            return
    pytest.fail("\n".join([*found, WHAT_TO_DO, table(lines)]), pytrace=False)
