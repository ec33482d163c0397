"""What one message makes the servers do: no more than its budget says, at a load that is always the same."""

import pytest
from rich.console import Console

from bench.operations.budget import compare, complaints, read_budget, table
from bench.operations.measure import measure
from conftest import Stack

WHAT_TO_DO = "`make bench what=operations write=1` makes what it costs now the budget; the commit says why it may rise."


async def test_a_message_costs_what_its_budget_says(stack: Stack) -> None:
    costs = await measure(stack.state / "parley.env", Console(stderr=True))
    lines = compare(costs, read_budget())
    if found := complaints(lines):
        pytest.fail("\n".join([*found, WHAT_TO_DO, table(lines)]), pytrace=False)
