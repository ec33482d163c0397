"""What a route must be: a few channels in their order, and how far each has to get before the next is tried."""

from collections.abc import Sequence

from connectors.capabilities import EVERY_CHANNEL
from libs.common.errors import invalid
from libs.common.events import MAX_AFTER_S, MAX_STEPS, Step
from libs.common.route import HEIGHTS


def parse_route(asked: list[Step] | None, channels: object) -> list[Step] | None:
    """`channels` is what the same body says of them. Raises `Problem` 422 that points at what is wrong."""
    if asked is None:
        return None
    if channels is not None:
        raise invalid("/route", "cannot stand beside channels: it names its own")
    if not 1 <= len(asked) <= MAX_STEPS:
        raise invalid("/route", f"must have 1 to {MAX_STEPS} steps, not {len(asked)}")
    for index, step in enumerate(asked):
        _check(index, step, asked)
    return asked


def _check(index: int, step: Step, steps: Sequence[Step]) -> None:
    if step.channel not in EVERY_CHANNEL:
        raise invalid(f"/route/{index}/channel", f"must be one of {', '.join(EVERY_CHANNEL)}", "unknown_channel")
    if step.channel in (earlier.channel for earlier in steps[:index]):
        raise invalid(f"/route/{index}/channel", f"{step.channel} is a step of this route already")
    _check_until(index, step, is_last=step is steps[-1])
    if step.after_s is not None and not 1 <= step.after_s <= MAX_AFTER_S:
        raise invalid(f"/route/{index}/after_s", f"must be 1 to {MAX_AFTER_S} seconds")
    if step.after_s is None and step is not steps[-1]:
        raise invalid(f"/route/{index}/after_s", "is required: how long to wait before the next step")


def _check_until(index: int, step: Step, *, is_last: bool) -> None:
    pointer = f"/route/{index}/until"
    if step.until is None:
        if not is_last:
            raise invalid(pointer, f"is required before another step: one of {', '.join(HEIGHTS)}")
        return
    if step.until not in HEIGHTS:
        raise invalid(pointer, f"must be one of {', '.join(HEIGHTS)}")
    ceiling = EVERY_CHANNEL[step.channel].status_ceiling
    if HEIGHTS[step.until] > HEIGHTS[ceiling]:
        raise invalid(pointer, f"{step.channel} reports nothing above {ceiling}")
