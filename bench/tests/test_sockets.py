"""What `bench.sockets` shows, and that it tells who answers from who does not."""

import asyncio

from bench.device import CLOSED, Device, Frame, Tally
from bench.sockets import Cost, Figures, markdown, silent


async def test_who_answers_no_ping_is_counted() -> None:
    devices = [Device("", Tally()) for _ in range(3)]
    for device in devices:
        device.closed = "1006"
    asking = asyncio.create_task(silent(devices, answer_s=0.1))
    await asyncio.sleep(0)
    for device in devices[:2]:
        for hear in device.on_frame:
            hear(Frame(type="pong"))
    for hear in devices[2].on_frame:
        hear(Frame(type=CLOSED))
    assert await asking == 1


def test_each_process_has_a_column() -> None:
    cost = Cost(opening_cpu_s=5.0, rss=200 * 1024**2, bytes_each=51_200, idle_ms_per_s=8.04)
    shown = markdown(Figures(2000, 9.91, 0, {"presence": cost, "redis": cost}))
    assert shown.startswith("2000 sockets, opened in 9.9 s, 0 silent\n")
    assert "| … added by each socket, KiB | 50.0 | 50.0 |" in shown
    assert "| CPU to open one, ms | 2.50 | 2.50 |" in shown
