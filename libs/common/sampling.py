"""Which traces are recorded: a share of all by our own dice, and now and then one that a client asks for."""

import random
import time

ASKED_EVERY_S = 1.0  # and process: a person who looks for something gets through, a stranger's traffic does not


def is_sampled(trace: str) -> bool:
    """Of a traceparent that we made: there the flags are 00 or 01."""
    return trace.endswith("-01")


class Sampler:
    """A client chooses its trace id and its flag, so neither decides: the dice are ours, and wishes are rationed."""

    def __init__(self, ratio: float) -> None:
        self._ratio = ratio
        self._next_wish = 0.0

    def takes(self, incoming: str | None) -> bool:
        return random.random() < self._ratio or (incoming is not None and is_sampled(incoming) and self._grants())

    def _grants(self) -> bool:
        at = time.monotonic()
        if at < self._next_wish:
            return False
        self._next_wish = at + ASKED_EVERY_S
        return True
