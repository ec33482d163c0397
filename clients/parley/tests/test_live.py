"""The connection that comes back, against a scripted platform: once, in order, and what is said again."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import picows
import pytest

from clients.parley import (
    Arrived,
    CaughtUp,
    Grant,
    Interrupted,
    LiveChat,
    LiveEvent,
    ParleyClient,
    ProblemError,
    Ready,
    SessionEndedError,
    SocketClosedError,
    UnreachableError,
)
from clients.parley.tests.scripted import (
    Frame,
    answer,
    message,
    nobody,
    pass_over,
    platform,
    push,
    say_caught_up,
    say_ready,
)

Connection = Callable[[picows.WSTransport, Frame], None]
TOKENS = {"access_token": "T2", "refresh_token": "R2", "token_type": "Bearer", "expires_in": 3600}
ENDED = {"status": 401, "code": "invalid_grant", "detail": "revoked"}
NOTHING: dict[str, object] = {"items": [], "next_cursor": None}


def nothing_new(line: str, body: bytes) -> bytes:
    return answer(200, NOTHING)


def in_turn(*connections: Connection) -> Connection:
    """The first connection of a device meets the first script, and so on; the last one stays."""
    left = list(connections)
    return lambda transport, frame: (left.pop(0) if len(left) > 1 else left[0])(transport, frame)


@asynccontextmanager
async def live_on(
    on_auth: Connection,
    script: Connection = pass_over,
    answers: Callable[[str, bytes], bytes] = nothing_new,
    known: dict[str, int] | None = None,
) -> AsyncIterator[LiveChat]:
    async with (
        platform(script, on_auth, answers) as url,
        ParleyClient(url, access_token="T") as client,
        client.live(known=known, deadline_s=60) as live,
    ):
        yield live


async def take(live: LiveChat, kind: type, count: int) -> list[LiveEvent]:
    found: list[LiveEvent] = []
    while len(found) < count:
        event = await live.receive(60)
        found += [event] if isinstance(event, kind) else []
    return found


def numbers(events: list[LiveEvent]) -> list[int]:
    return [e.sequence_number for e in events if isinstance(e, Arrived)]


def cut(transport: picows.WSTransport) -> None:
    transport.disconnect(graceful=False)


def close(code: int) -> Connection:
    return lambda transport, frame: transport.send_close(code)  # type: ignore[arg-type]  # the stub knows only the RFC's codes


def stay(transport: picows.WSTransport, frame: Frame) -> None:
    say_ready(transport)
    say_caught_up(transport, 0)


async def test_after_a_cut_it_resumes_where_it_stood_and_says_so() -> None:
    resumes: list[object] = []

    def first(transport: picows.WSTransport, frame: Frame) -> None:
        say_ready(transport)
        say_caught_up(transport, 4)
        push(transport, **{**message(1), "offset": 5})
        transport.send_close(1012, b"restart")  # type: ignore[arg-type]  # the stub knows only the RFC's codes

    def second(transport: picows.WSTransport, frame: Frame) -> None:
        resumes.append(frame["resume"])
        say_ready(transport, recovered=True)
        push(transport, **{**message(2), "offset": 6})

    async with live_on(in_turn(first, second)) as live:
        events = [await live.receive(60) for _ in range(6)]
    assert [type(e) for e in events] == [Ready, CaughtUp, Arrived, Interrupted, Ready, Arrived]
    assert numbers(events) == [1, 2]
    assert isinstance(events[3], Interrupted)
    assert (events[3].code, events[3].wait_s < 1.0) == (1012, True)
    assert resumes == [{"epoch": "e1", "offset": 5}]


async def test_what_comes_again_after_a_resume_that_failed_is_given_once() -> None:
    def first(transport: picows.WSTransport, frame: Frame) -> None:
        say_ready(transport)
        for number in (1, 2, 3):
            push(transport, **message(number))
        cut(transport)

    def second(transport: picows.WSTransport, frame: Frame) -> None:
        say_ready(transport, recovered=False)
        for number in (2, 3, 4):
            push(transport, **{**message(number), "offset": None})

    async with live_on(in_turn(first, second)) as live:
        assert numbers(await take(live, Arrived, 4)) == [1, 2, 3, 4]


async def test_what_another_device_acknowledged_meanwhile_comes_from_the_history() -> None:
    def history(line: str, body: bytes) -> bytes:
        if "/messages" in line:
            since = int(line.partition("since=")[2].partition("&")[0])
            found = [message(n) for n in range(since + 1, 6)]
            return answer(200, {"items": found, "next_since": 5})
        chat = {"conversation_id": "c", "type": "private", "members": ["ana", "bo"], "last_sequence": 4}
        page = {"items": [{**chat, "created_by": "bo", "created_at": "2026-11-21T10:15:30Z"}], "next_cursor": None}
        return answer(200, page)

    def back(transport: picows.WSTransport, frame: Frame) -> None:
        say_ready(transport)
        push(transport, **{**message(6), "offset": None})
        push(transport, **message(7))

    async with live_on(back, answers=history, known={"c": 2}) as live:
        assert numbers(await take(live, Arrived, 5)) == [3, 4, 5, 6, 7]


async def test_sends_without_an_answer_go_again_in_order_under_their_ids() -> None:
    seen: list[object] = []

    def script(transport: picows.WSTransport, frame: Frame) -> None:
        seen.append(frame["message_id"])
        if len(seen) == 3:
            cut(transport)
        elif len(seen) > 3:
            push(transport, type="accepted", ref=frame["ref"], message_id=frame["message_id"])

    async with live_on(stay, script) as live:
        sends = [live.send("c", f"text {n}", message_id=f"m{n}") for n in (1, 2, 3)]
        accepted = await asyncio.gather(*sends)
    assert [a.message_id for a in accepted] == ["m1", "m2", "m3"]
    assert seen == ["m1", "m2", "m3"] * 2


async def test_what_the_server_could_not_take_is_repeated_and_what_it_refuses_is_told() -> None:
    seen: list[object] = []

    def script(transport: picows.WSTransport, frame: Frame) -> None:
        seen.append(frame["message_id"])
        status = 422 if frame["message_id"] == "bad" else 503
        if seen.count(frame["message_id"]) == 1:
            push(transport, type="rejected", ref=frame["ref"], problem={"status": status, "code": "no"})
        else:
            push(transport, type="accepted", ref=frame["ref"], message_id=frame["message_id"])

    async with live_on(stay, script) as live:
        results = await asyncio.gather(
            live.send("c", "1", message_id="m1"),
            live.send("c", "2", message_id="m2"),
            live.send("c", "3", message_id="bad"),
            return_exceptions=True,
        )
    assert isinstance(results[2], ProblemError)
    assert seen == ["m1", "m2", "bad", "m1", "m2"]


async def test_marks_are_said_again_until_a_receipt_confirms_them() -> None:
    connections: list[list[Frame]] = []

    def on_auth(transport: picows.WSTransport, frame: Frame) -> None:
        connections.append([])
        say_ready(transport)

    def script(transport: picows.WSTransport, frame: Frame) -> None:
        connections[-1].append({"type": frame["type"], "up to": frame["sequence_number"]})
        if frame["sequence_number"] == 2:
            receipt = {"conversation_id": "c", "username": "ana", "status": "DELIVERED", "sequence_number": 2}
            push(transport, type="receipt", at="2026-11-21T10:15:30Z", offset=9, **receipt)
        if len(connections) == 1 and frame["sequence_number"] == 7:
            cut(transport)
        if len(connections) == 2 and frame["type"] == "read":
            push(transport, type="pong")

    async with live_on(on_auth, script) as live:
        live.ack("c", 2)
        await live.receive(60)
        await live.receive(60)
        live.ack("other", 5)
        live.read("c", 7)
        while not (len(connections) == 2 and len(connections[1]) == 2):
            await live.receive(60)
    assert connections[1] == [{"type": "ack", "up to": 5}, {"type": "read", "up to": 7}]


@pytest.mark.parametrize("code", [4401, 4409])
async def test_a_token_that_is_refused_is_renewed_once_and_the_next_connection_holds(code: int) -> None:
    asked: list[str] = []

    def answers(line: str, body: bytes) -> bytes:
        asked.append(line)
        return answer(200, TOKENS if line == "POST /v1/auth/token" else NOTHING)

    async with (
        platform(pass_over, in_turn(close(code), stay), answers) as url,
        _with_refresh_token(url) as client,
        client.live() as live,
    ):
        assert live.is_connected
        assert client.access_token == "T2"
    assert asked.count("POST /v1/auth/token") == 1


async def test_a_refused_token_after_a_renewal_is_the_end() -> None:
    def answers(line: str, body: bytes) -> bytes:
        return answer(200, TOKENS)

    async with platform(pass_over, close(4401), answers) as url, _with_refresh_token(url) as client:
        with pytest.raises(SocketClosedError) as caught:
            await client.live().__aenter__()
    assert caught.value.code == 4401


async def test_a_session_that_is_revoked_ends_the_iteration_and_the_sends() -> None:
    def answers(line: str, body: bytes) -> bytes:
        return answer(401 if line == "POST /v1/auth/token" else 200, ENDED)

    async with (
        platform(close(4409), stay, answers) as url,
        _with_refresh_token(url) as client,
        client.live() as live,
    ):
        with pytest.raises(SessionEndedError):
            await live.send("c", "hi")
        with pytest.raises(SessionEndedError):
            async for _ in live:
                pass


async def test_a_server_that_stays_away_is_told_by_the_deadlines() -> None:
    with nobody() as url:
        async with ParleyClient(url, access_token="T") as client:
            with pytest.raises(UnreachableError):
                await client.live(deadline_s=0.5).__aenter__()
            with pytest.raises(UnreachableError, match="does not answer"):
                await client.live(deadline_s=60, patience_s=0).__aenter__()


async def test_a_send_without_an_answer_ends_at_its_deadline_and_is_not_repeated() -> None:
    seen: list[object] = []

    def script(transport: picows.WSTransport, frame: Frame) -> None:
        seen.append(frame["payload"])

    async with (
        platform(script, stay, nothing_new) as url,
        ParleyClient(url, access_token="T") as client,
        client.live(deadline_s=10) as live,
    ):
        with pytest.raises(UnreachableError, match="no answer"):
            await live.send("c", "hi")
        live.cut()
        await take(live, Ready, 2)
    assert len(seen) == 1


async def test_closing_ends_the_iteration_quietly_also_while_it_waits_to_come_back() -> None:
    async with live_on(in_turn(stay, close(1012))) as live:
        live.cut()
        await take(live, Interrupted, 2)
        await live.close()
        with pytest.raises(SocketClosedError):
            await live.send("c", "too late")
        assert [e async for e in live if not isinstance(e, Interrupted)] == []


async def test_a_text_that_fits_no_frame_is_refused_here() -> None:
    async with live_on(stay) as live:
        with pytest.raises(ValueError, match="bytes at most"):
            await live.send("c", "x" * 70_000)


def _with_refresh_token(url: str) -> ParleyClient:
    client = ParleyClient(url)
    client.session.take(Grant("T", "R"))
    return client
