"""The chat socket at its own listener: who gets in, what it hears, and how it is shown out."""

import httpx
import picows
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from prometheus_client import REGISTRY

from libs.common.accept import MAX_BODY
from libs.common.events import MESSAGE_EVENTS, RECEIPT_EVENTS
from libs.common.feed import Entry, pack
from libs.common.tests.scans import BY_A_TEST
from libs.common.tests.uploaded import SHOWN, uploaded
from services.presence.handlers.node import DEVICES_OF_ONE
from services.presence.socket.connection import SENDS
from services.presence.store.feeds import PAGE
from services.presence.tests.door import ALLOWED, PATIENCE_S, Door, token
from services.presence.tests.door import door as door_of
from services.presence.tests.scene import Scene

PING = b'{"type":"ping"}'
LONGEST_PING = 125  # bytes
PINGS = 200_000  # more than all buffers on the way hold
STRANGER = ec.generate_private_key(ec.SECP256R1())


def large(door: Door) -> Entry:
    """A page of them is more than buffers hold."""
    return Entry(door.scene.bo, pack("status", b'{"error":"' + b"x" * 60_000 + b'"}'))


def let_go() -> float:
    """Sockets that were closed because their devices did not read."""
    return REGISTRY.get_sample_value("parley_sockets_closed_total", {"code": "4408"}) or 0


async def test_a_token_in_the_header_logs_in(door: Door) -> None:
    phone = await door.connect(authorization=f"Bearer {token(door.scene.bo)}")
    assert (await phone.hears("ready"))["username"] == door.scene.bo
    await phone.hears("caught_up")


async def test_a_token_in_the_header_and_a_resume_in_the_first_frame(scene: Scene) -> None:
    async with door_of(scene, resume_s=PATIENCE_S) as door:
        position = await (await door.phone()).hears("caught_up")
        phone = await door.connect(authorization=f"bearer {token(door.scene.bo)}")
        phone.say({"type": "auth", "resume": {"epoch": position["epoch"], "offset": position["offset"]}})
        assert (await phone.hears("ready"))["recovered"] is True


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "auth", "token": "rubbish"},
        {"type": "auth", "token": token("bo", lives_s=-1)},
        {"type": "auth", "token": token("bo", key=STRANGER)},
        {"type": "auth"},
        {"type": "ping"},
        b"rubbish",
        b'{"type":"auth","token":' + b"[" * 60_000,
        b'{"type":"auth","token":"\xff"}',
    ],
)
async def test_without_a_valid_token_first_a_socket_is_closed(door: Door, frame: dict[str, str] | bytes) -> None:
    phone = await door.connect()
    phone.say(frame)
    assert (await phone.end(), phone.frames) == (4401, [])


async def test_a_bad_token_in_the_header_is_not_made_good_by_a_frame(door: Door) -> None:
    phone = await door.connect(authorization="Bearer rubbish")
    phone.say({"type": "auth", "token": token(door.scene.bo)})
    assert (await phone.end(), phone.frames) == (4401, [])


@pytest.mark.parametrize("resume", [7, "rubbish", [], {"epoch": "e"}, {"epoch": 7, "offset": 1}, {"offset": "7"}])
async def test_a_resume_that_cannot_be_read_proves_nothing_and_logs_in(door: Door, resume: object) -> None:
    phone = await door.connect()
    phone.say({"type": "auth", "token": token(door.scene.bo), "resume": resume})
    assert (await phone.hears("ready"))["recovered"] is False
    await phone.hears("caught_up")


async def test_who_says_nothing_is_shown_out(door: Door) -> None:
    assert await (await door.connect()).end() == 4401


async def test_a_connection_ends_with_its_token(door: Door) -> None:
    assert await (await door.phone(lives_s=10)).end() == 4409


async def test_one_user_has_so_many_devices_and_takes_nobody_elses_places(door: Door) -> None:
    first, *_ = [await door.phone() for _ in range(DEVICES_OF_ONE)]
    assert await (await door.connect(authorization=f"Bearer {token(door.scene.bo)}")).end() == 4429
    await door.phone(username="ana")
    first.transport.disconnect()
    await first.until(lambda: len(door.sockets.open) == DEVICES_OF_ONE)
    await door.phone()


async def test_a_revoked_session_ends_on_all_its_devices_and_no_other(door: Door) -> None:
    first, second, other = await door.phone(session_id="s"), await door.phone(session_id="s"), await door.phone()
    door.sockets.end_session("s")
    assert [await first.end(), await second.end()] == [4409, 4409]
    other.say(PING)
    await other.hears("pong")


async def test_nothing_is_handled_that_came_before_the_end_of_its_session(door: Door) -> None:
    phone = await door.phone(session_id="s")
    door.kafka_answers.clear()
    phone.say(PING, *[door.text("too late")] * (2 * SENDS))
    await phone.hears("pong")
    door.sockets.end_session("s")
    assert await phone.end() == 4409
    await phone.until(lambda: not door.sockets.open)
    door.kafka_answers.set()
    assert (door.published, door.sockets.of_session) == ([], {})


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"rubbish", "malformed"),
        (b'{"type":"auth","token":' + b"[" * 60_000, "malformed"),
        (b'{"type":"ack","conversation_id":' + b"[" * 60_000, "malformed"),
        (b"", "malformed"),
        (b"\xff\xfe", "malformed"),
        (b'{"type":"delete_everything"}', "unknown_frame"),
        (b'{"type":7}', "malformed"),
        (b'{"type":"ack","conversation_id":7}', "malformed"),
        (b'{"type":"auth","token":"again"}', "already_authenticated"),
    ],
)
@pytest.mark.parametrize("kind", [picows.WSMsgType.TEXT, picows.WSMsgType.BINARY])
async def test_a_rubbish_frame_is_answered_and_the_connection_goes_on(
    door: Door, frame: bytes, code: str, kind: picows.WSMsgType
) -> None:
    phone = await door.phone()
    phone.say(frame, kind=kind)
    assert (await phone.hears("error"))["problem"]["code"] == code
    phone.say(PING)
    await phone.hears("pong")


@pytest.mark.parametrize(
    "frame",
    [
        b'{"type":"send","ref":"r"',
        b'{"type":"send","ref":"r","payload":}',
        b'{"type":"send","ref":"r","payload":' + b"[" * 60_000,
    ],
)
async def test_a_broken_send_is_answered_to_who_waits_for_it(door: Door, frame: bytes) -> None:
    phone = await door.phone()
    phone.say(frame)
    rejected = await phone.hears("rejected")
    assert (rejected["ref"], rejected["problem"]["code"]) == ("r", "malformed")
    assert rejected["problem"]["instance"] == "/v1/ws"


@pytest.mark.parametrize("number", [0, -1, 2**63, 10**30])
@pytest.mark.parametrize("kind", ["ack", "read"])
async def test_a_rubbish_number_is_refused_and_hides_no_good_one(door: Door, kind: str, number: int) -> None:
    phone = await door.phone()
    frame = {"type": kind, "conversation_id": door.scene.conversation}
    phone.say(frame | {"sequence_number": 5}, frame | {"sequence_number": number})
    assert (await phone.hears("error"))["problem"]["code"] == "invalid_field"
    await phone.until(lambda: bool(door.events(RECEIPT_EVENTS)))
    assert [e["sequence_number"] for e in door.events(RECEIPT_EVENTS)] == [5]


async def test_both_kinds_of_ping_are_answered(door: Door) -> None:
    phone = await door.phone()
    phone.say(PING, PING)
    phone.transport.send_ping(b"beat")
    await phone.hears("pong", 2)
    await phone.until(lambda: phone.pongs == [b"beat"])


async def test_a_frame_of_64_kib_is_read(door: Door) -> None:
    phone = await door.phone()
    phone.say(PING.ljust(MAX_BODY))
    await phone.hears("pong")


@pytest.mark.parametrize("length", [MAX_BODY + 1, 2 * MAX_BODY, 2 * MAX_BODY + 1, 1024 * 1024])
async def test_a_larger_frame_closes_the_connection(door: Door, length: int) -> None:
    phone = await door.phone()
    phone.say(PING.ljust(length))
    assert await phone.end() == 1009


async def test_a_frame_in_parts_is_one_frame_and_is_no_larger(door: Door) -> None:
    phone = await door.phone()
    phone.transport.send(picows.WSMsgType.TEXT, PING[:5], fin=False)
    phone.transport.send(picows.WSMsgType.CONTINUATION, PING[5:])
    await phone.hears("pong")
    phone.transport.send(picows.WSMsgType.TEXT, PING.ljust(MAX_BODY), fin=False)
    phone.transport.send(picows.WSMsgType.CONTINUATION, b" ")
    assert await phone.end() == 1009


async def test_sends_in_one_breath_keep_their_order_and_are_all_answered(door: Door) -> None:
    phone = await door.phone()
    texts = [f"text {number}" for number in range(4 * SENDS)]
    phone.say(*(door.text(text, ref=text) for text in texts))
    await phone.hears("accepted", len(texts))
    assert [e["payload"]["text"] for e in door.events(MESSAGE_EVENTS)] == texts
    assert sorted(f["ref"] for f in phone.of("accepted")) == sorted(texts)


async def test_a_send_that_is_refused_stops_no_other(door: Door) -> None:
    phone = await door.phone()
    elsewhere = {**door.text("b", ref="2"), "conversation_id": "6f0c1f2e-3d0e-4d6c-9a3e-0a2f6f1f7a11"}
    phone.say(door.text("a", ref="1"), elsewhere, door.text("", ref="3"), door.text("d", ref="4"))
    await phone.hears("accepted", 2)
    await phone.hears("rejected", 2)
    rejected = {f["ref"]: f["problem"]["status"] for f in phone.of("rejected")}
    assert ({f["ref"] for f in phone.of("accepted")}, rejected) == ({"1", "4"}, {"2": 404, "3": 422})


async def test_files_and_texts_in_one_breath_keep_their_order(door: Door) -> None:
    phone, database = await door.phone(), door.scene.database
    mine, theirs = await uploaded(database, door.scene.bo), await uploaded(database, "zoe")
    sends = [door.text("", ref=str(n)) | {"payload": {"type": "file", "file_id": mine}} for n in range(0, 20, 2)]
    texts = [door.text("hi", ref=str(n)) for n in range(1, 20, 2)]
    phone.say(*(frame for both in zip(sends, texts, strict=True) for frame in both))
    phone.say(door.text("", ref="no") | {"payload": {"type": "file", "file_id": theirs}})
    await phone.hears("accepted", 20)
    problem = (await phone.hears("rejected"))["problem"]
    assert (problem["status"], problem["errors"][0]["pointer"]) == (404, "/payload/file_id")
    payloads = [e["payload"] for e in door.events(MESSAGE_EVENTS)]
    assert payloads == [{"type": "file", "file_id": mine, "file": SHOWN}, {"type": "text", "text": "hi"}] * 10


async def test_what_a_device_has_and_has_read_is_published(door: Door) -> None:
    await door.scene.send(3)
    phone = await door.phone()
    phone.say(*({"type": t, "conversation_id": door.scene.conversation, "sequence_number": 3} for t in ("ack", "read")))
    await phone.until(lambda: len(door.events(RECEIPT_EVENTS)) == 2)
    receipts = [(e["status"], e["sequence_number"], e["username"]) for e in door.events(RECEIPT_EVENTS)]
    assert sorted(receipts) == [("DELIVERED", 3, door.scene.bo), ("READ", 3, door.scene.bo)]


async def test_a_device_that_does_not_read_is_let_go(door: Door) -> None:
    slow, other = await door.phone(), await door.phone()
    slow.transport.underlying_transport.pause_reading()
    await door.scene.append(*[large(door)] * PAGE)
    await other.hears("status", PAGE)
    slow.transport.underlying_transport.resume_reading()
    assert await slow.end() == 4408
    assert len(slow.of("status")) < PAGE


async def test_a_device_that_pings_and_does_not_read_is_let_go(door: Door) -> None:
    phone, before = await door.phone(), let_go()
    phone.transport.underlying_transport.pause_reading()
    for _ in range(PINGS):
        phone.transport.send_ping(b"x" * LONGEST_PING)
    await phone.until(lambda: let_go() > before)
    phone.transport.underlying_transport.resume_reading()
    await phone.end()  # without its code, perhaps: pings that nobody reads any more reset the connection
    assert len(phone.pongs) < PINGS


async def test_a_device_that_reads_is_not_let_go_however_much_it_missed(door: Door) -> None:
    epoch = (await door.scene.feeds.open(door.scene.bo)).epoch
    await door.scene.append(*[large(door)] * PAGE)
    phone = await door.connect()
    phone.say({"type": "auth", "token": token(door.scene.bo), "resume": {"epoch": epoch, "offset": 0}})
    await phone.hears("caught_up")
    assert [f["offset"] for f in phone.of("status")] == list(range(1, PAGE + 1))


async def test_a_device_that_reads_is_not_let_go_however_much_is_pending(door: Door) -> None:
    for _ in range(PAGE):
        await door.scene.store()
    await door.scene.database["messages"].update_many({}, {"$set": {"payload.text": "x" * 60_000}}, comment=BY_A_TEST)
    phone = await door.phone()
    assert [f["sequence_number"] for f in phone.of("message")] == list(range(1, PAGE + 1))


async def test_a_restart_asks_every_device_to_come_back(door: Door) -> None:
    phones = [await door.phone() for _ in range(3)]
    await door.sockets.close_all()
    assert [await phone.end() for phone in phones] == [1012] * 3
    assert not door.sockets.open


@pytest.mark.parametrize("origin", [ALLOWED, "OWN", None])
async def test_pages_of_the_gateway_allowed_ones_and_other_clients_may_connect(door: Door, origin: str | None) -> None:
    own = "http://" + httpx.URL(door.url).netloc.decode()
    headers = {"origin": own if origin == "OWN" else origin} if origin else {}
    await door.connect(**headers)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "", f"{ALLOWED}.evil.example"])
async def test_pages_from_elsewhere_may_not(door: Door, origin: str) -> None:
    with pytest.raises(picows.WSHandshakeError) as refusal:
        await door.connect(origin=origin)
    assert refusal.value.response
    assert int(refusal.value.response.status) == 403
    assert not door.sockets.open
