"""How long to wait before a request is tried again: exponential, with jitter, at least what the server asks."""

FIRST_S = 0.1
LONGEST_S = 2.0


def backoff_s(attempt: int, retry_after_s: float | None, dice: float) -> float:
    """The wait after failed attempt number `attempt` (from 1), with `dice` in 0..1.

    Half to three halves of 0.1, 0.2, 0.4 … 2 s, so that clients that failed together do not return together."""
    spread = min(FIRST_S * 2.0 ** (attempt - 1), LONGEST_S) * (0.5 + dice)
    return spread + (retry_after_s or 0.0)
