"""Routers that are broken on purpose, one promise each: they prove that the ledger can fail."""

from typing import NamedTuple


class Broken(NamedTuple):
    """`module` runs as the router; while `harms` are done, the check named `caught_by` must find it."""

    module: str
    harms: tuple[str, ...]
    caught_by: str


BROKEN = {
    "ignores the platforms' ids": Broken(
        "tests.ledger.channels.broken.no_ids", ("kill router",), "what was said is stored once"
    ),
    "hides what is uncertain": Broken(
        "tests.ledger.channels.broken.too_sure",
        ("answers get lost",),
        "nothing is there twice, but what is marked uncertain",
    ),
}
