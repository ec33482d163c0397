"""The chat socket against a scripted server: order, bounds, answers and ends."""

import asyncio

import picows
import pytest

from clients.parley import (
    Arrived,
    CaughtUp,
    ChatSocket,
    ProblemError,
    Resume,
    SocketClosedError,
    UnreachableError,
)
from clients.parley.socket import socket_url
from clients.parley.tests.scripted import (
    Frame,
    http_server,
    message,
    nobody,
    pass_over,
    push,
    say_ready,
    socket_server,
)


async def test_ready_comes_first_then_events_in_order() -> None:
    def greet(transport: picows.WSTransport) -> None:
        say_ready(transport)
        push(transport, type="from_the_future", x=1)
        for number in (1, 2):
            push(transport, **message(number))

    async with socket_server(greet, pass_over) as url, ChatSocket(url, "T") as socket:
        assert socket.ready is not None
        assert socket.ready.username == "ana"
        events = [await socket.receive(60) for _ in range(2)]
    assert [(type(e), e.text, e.sender) for e in events if isinstance(e, Arrived)] == [
        (Arrived, "text 1", "bo"),
        (Arrived, "text 2", "bo"),
    ]


async def test_sends_waiting_together_get_each_its_own_answer() -> None:
    def react(transport: picows.WSTransport, frame: Frame) -> None:
        if frame["payload"] == {"type": "text", "text": "bad"}:
            push(transport, type="rejected", ref=frame["ref"], problem={"status": 422, "code": "not_a_member"})
        else:
            push(transport, type="accepted", ref=frame["ref"], message_id=frame["message_id"])

    async with socket_server(say_ready, react) as url, ChatSocket(url, "T") as socket:
        good, bad = await asyncio.gather(
            socket.send("c", "good", message_id="m1"), socket.send("c", "bad"), return_exceptions=True
        )
    assert not isinstance(good, BaseException)
    assert good.message_id == "m1"
    assert isinstance(bad, ProblemError)
    assert bad.code == "not_a_member"


async def test_the_token_may_travel_in_the_first_frame_with_where_to_resume() -> None:
    frames: list[Frame] = []

    def react(transport: picows.WSTransport, frame: Frame) -> None:
        frames.append(frame)
        say_ready(transport)

    async with (
        socket_server(lambda transport: None, pass_over, react) as url,
        ChatSocket(url, "T", resume=Resume("e0", 7), authenticate="frame"),
    ):
        pass
    assert frames == [{"type": "auth", "token": "T", "resume": {"epoch": "e0", "offset": 7}}]


async def test_with_the_token_in_the_header_an_empty_introduction_spares_the_server_a_wait() -> None:
    frames: list[Frame] = []

    def react(transport: picows.WSTransport, frame: Frame) -> None:
        frames.append(frame)
        say_ready(transport)

    async with socket_server(lambda transport: None, pass_over, react) as url, ChatSocket(url, "T"):
        pass
    assert frames == [{"type": "auth"}]


async def test_the_close_code_reaches_the_reader_after_the_events_before_it() -> None:
    def greet(transport: picows.WSTransport) -> None:
        say_ready(transport)
        push(transport, **message(1))
        transport.send_close(4409, b"revoked")  # type: ignore[arg-type]  # the stub knows only the RFC's codes

    async with socket_server(greet, pass_over) as url, ChatSocket(url, "T") as socket:
        assert isinstance(await socket.receive(60), Arrived)
        with pytest.raises(SocketClosedError) as caught:
            await anext(aiter(socket))
        assert (caught.value.code, caught.value.reason) == (4409, "revoked")
        with pytest.raises(SocketClosedError):
            socket.ack("c", 1)


async def test_a_bad_token_is_told_by_its_close_code() -> None:
    def refuse(transport: picows.WSTransport) -> None:
        transport.send_close(4401)  # type: ignore[arg-type]  # the stub knows only the RFC's codes

    async with socket_server(refuse, pass_over) as url:
        with pytest.raises(SocketClosedError) as caught:
            await ChatSocket(url, "T").__aenter__()
    assert caught.value.code == 4401


async def test_a_connection_that_breaks_fails_the_sends_that_wait() -> None:
    def react(transport: picows.WSTransport, frame: Frame) -> None:
        transport.disconnect(graceful=False)

    async with socket_server(say_ready, react) as url, ChatSocket(url, "T") as socket:
        with pytest.raises(SocketClosedError) as caught:
            await socket.send("c", "hi")
    assert caught.value.code == 1006


async def test_closing_ends_the_iteration_quietly() -> None:
    async with socket_server(say_ready, pass_over) as url, ChatSocket(url, "T") as socket:
        await socket.close()
        assert [event async for event in socket] == []


async def test_a_reader_that_stays_away_holds_a_bounded_number_and_then_gets_all() -> None:
    def greet(transport: picows.WSTransport) -> None:
        say_ready(transport)
        for number in range(1, 20_001):
            push(transport, **message(number))

    async with socket_server(greet, pass_over) as url, ChatSocket(url, "T", buffer=10) as socket:
        first = [await socket.receive(60) for _ in range(1)]
        assert len(socket._wire._events) < 5_000
        rest = [await socket.receive(60) for _ in range(19_999)]
    numbers = [event.sequence_number for event in first + rest if isinstance(event, Arrived)]
    assert numbers == list(range(1, 20_001))


async def test_the_position_follows_what_was_taken_once_caught_up() -> None:
    def greet(transport: picows.WSTransport) -> None:
        say_ready(transport)
        push(transport, **{**message(1), "offset": None})
        push(transport, type="caught_up", epoch="e1", offset=3)
        push(transport, **message(4))

    async with socket_server(greet, pass_over) as url, ChatSocket(url, "T") as socket:
        await socket.receive(60)
        assert socket.position is None
        assert isinstance(await socket.receive(60), CaughtUp)
        assert socket.position == Resume("e1", 3)
        await socket.receive(60)
        assert socket.position == Resume("e1", 4)


async def test_a_refused_upgrade_and_an_empty_house_are_told_apart() -> None:
    refusal = b"HTTP/1.1 503 x\r\nContent-Length: 19\r\nRetry-After: 2\r\n\r\n" + b'{"code": "upstream"}'[:19]
    async with http_server(refusal) as (url, _):
        with pytest.raises(ProblemError) as caught:
            await ChatSocket(url, "T").__aenter__()
    assert (caught.value.status, caught.value.retry_after_s) == (503, 2)
    with nobody() as url, pytest.raises(UnreachableError):
        await ChatSocket(url, "T").__aenter__()


def test_the_socket_lives_behind_the_same_gateway() -> None:
    assert socket_url("http://127.0.0.1:8080/") == "ws://127.0.0.1:8080/v1/ws"
    assert socket_url("https://chat.example") == "wss://chat.example/v1/ws"
