"""How long batches gather: not at all when idle, a window when busy, not at all when behind."""

import asyncio
from typing import Any

import pytest

from libs.common.kafka.consumer import Pace
from libs.common.kafka.producer import pace


def fetched(pace: Pace, every_s: float, records: int, seconds: float = 3.0) -> float:
    """The window after fetches of so many records in so many seconds."""
    for n in range(1, int(seconds / every_s) + 1):
        window_s = pace.window_s(records, n * every_s)
    return window_s


@pytest.mark.parametrize(
    ("every_s", "records", "is_window"),
    [(0.01, 1, False), (0.01, 2, False), (0.01, 5, True), (0.001, 1, True), (0.04, 200, True), (0.04, 400, False)],
)
def test_a_window_opens_above_300_records_a_second_unless_half_a_batch_is_there(
    every_s: float, records: int, is_window: bool
) -> None:
    assert bool(fetched(Pace(0.0), every_s, records)) is is_window


def test_the_window_closes_when_the_rate_falls() -> None:
    pace = Pace(0.0)
    assert fetched(pace, 0.01, 10)
    assert not pace.window_s(1, 4.0)


class Sender:
    """As much of the library's sender as pacing touches."""

    def __init__(self) -> None:
        self._in_flight = {7}
        self.sent: list[object] = []

    async def _send_produce_req(self, node_id: int, batches: Any) -> None:
        self.sent.append(batches)
        self._in_flight.remove(node_id)


class Client:
    def __init__(self) -> None:
        self._sender = Sender()


async def test_a_request_goes_at_once_and_the_next_after_the_window() -> None:
    client = Client()
    sender = client._sender
    pace(client, 0.005)
    sending = asyncio.create_task(sender._send_produce_req(7, "batches"))
    while not sender.sent:
        await asyncio.sleep(0)
    assert sender._in_flight == {7}
    await sending
    assert sender._in_flight == set()
