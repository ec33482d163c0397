"""What `bench.log_ins` shows, and that it counts what was refused."""

import asyncio
from collections import Counter

from bench.figures import latency
from bench.load import clock
from bench.log_ins import Asker, Figures, User, markdown

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"


async def test_only_good_answers_are_timed_and_a_late_one_counts_from_when_it_was_due() -> None:
    answers = [OK, BUSY, OK]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while answers:
            await reader.read(1000)
            writer.write(answers.pop(0))
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        asker = Asker(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        for _ in range(2):
            await asker.log_in(User("ana", "correct horse"))
        await asker.see_oneself("token", clock() - 60)
        asker.close()
    assert asker.refused == {503: 1}
    assert [second >= 60 for second in asker.seconds] == [False, True]


def test_both_runs_stand_beside_each_other() -> None:
    idle = Figures(latency([0.002]), latency([]), 0.0, 0.1, 0.0, Counter())
    busy = Figures(latency([0.007]), latency([4.5]), 4.4, 1.0, 0.2, Counter({503: 2}))
    shown = markdown({"idle": idle, "busy": busy})
    assert "| 2.0 / 2.0 / 2.0 | 7.0 / 7.0 / 7.0 |" in shown
    assert "| - | 4,500.0 / 4,500.0 / 4,500.0 |" in shown
    assert "| refused | 0 | 2 |" in shown
