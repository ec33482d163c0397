"""Heeds a cancellation that a driver took for an ordinary return."""

import asyncio


def heed_cancellation() -> None:
    """Raises `CancelledError` where this task was told to stop and goes on all the same.

    `asyncio.wait_for` of Python 3.11, which drivers use, drops a cancellation when the answer has just come.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
