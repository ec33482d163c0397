"""Platforms that are broken on purpose, one promise each: programs that run in the place of a service.

They prove that the ledger can fail. Nothing of them can be switched on in the product.
"""

from typing import NamedTuple


class Broken(NamedTuple):
    """`module` runs as `service`; while `faults` strike, the check named `caught_by` must find it."""

    service: str
    module: str
    faults: tuple[str, ...]
    caught_by: str


BROKEN = {
    "accept before Kafka's answer": Broken(
        "frontend", "tests.ledger.broken.early_accept", ("stop kafka",), "no 202 without the broker"
    ),
    "commit before effects": Broken(
        "router", "tests.ledger.broken.early_commit", ("kill router", "kill router"), "accepted is stored once"
    ),
    "no dedupe": Broken(
        "router", "tests.ledger.broken.no_dedupe", ("kill router", "kill router"), "accepted is stored once"
    ),
    "feed without healing": Broken(
        "presence", "tests.ledger.broken.no_healing", ("kill redis",), "devices miss nothing"
    ),
    "no fence": Broken("router", "tests.ledger.broken.no_fence", ("zombie router",), "numbers are 1 … n"),
}
"""The last one leaves numbers behind that no fence can be put up over again."""
