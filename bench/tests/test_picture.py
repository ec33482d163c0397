"""Whose CPU a stack is, how small costs are drawn together, and what the picture says."""

import xml.etree.ElementTree as ET

import pytest

from bench.picture.drawing import draw
from bench.picture.parts import Part, together, whole
from bench.picture.stacks import LOOP, Frame, Owner, owner, parse, shares
from bench.picture.threads import dumped, kinds
from bench.stack import Thread

SITE = "/venv/lib/python3.11/site-packages"
RUN = Frame("run", "/a/checkout/libs/common/process.py")
HANDLE = Frame("Messages.handle", "/a/checkout/services/router/handlers/messages.py")
STORE = Frame("Messages._store", "/a/checkout/services/router/handlers/messages.py")
INSERT = Frame("AsyncCollection.insert_many", f"{SITE}/pymongo/asynchronous/collection.py")
WRITE = Frame("PyMongoProtocol.write", f"{SITE}/pymongo/network_layer.py")
WAIT = Frame("wait_for", "/usr/lib/python3.11/asyncio/tasks.py")


@pytest.mark.parametrize(
    ("stack", "whose"),
    [
        ([RUN, HANDLE, STORE], Owner("router", "handlers.messages: Messages.handle")),
        ([RUN, HANDLE, WAIT], Owner("router", "handlers.messages: Messages.handle")),
        ([RUN, HANDLE, INSERT, WRITE, WAIT], Owner("pymongo", "AsyncCollection.insert_many")),
        ([RUN, INSERT, HANDLE], Owner("router", "handlers.messages: Messages.handle")),
        ([Frame("main", "services/presence/socket/__init__.py")], Owner("presence", "socket: main")),
        ([RUN, WAIT], Owner(LOOP, "asyncio, uvloop")),
        ([Frame("run", f"{SITE}/uvloop/__init__.py"), WAIT], Owner(LOOP, "asyncio, uvloop")),
        ([Frame("rfc3339", "/a/checkout/libs/common/clock.py")], Owner("libs.common", "clock: rfc3339")),
    ],
)
def test_time_belongs_to_the_innermost_library_by_the_function_that_was_called(
    stack: list[Frame], whose: Owner
) -> None:
    assert owner(stack) == whose


def test_a_line_is_read_whatever_its_functions_are_called() -> None:
    frames, count = parse("run (/a b/c.py);f.<locals>.<lambda> (/d(1).py) 17")
    assert (frames, count) == ([Frame("run", "/a b/c.py"), Frame("f.<locals>.<lambda>", "/d(1).py")], 17)


def test_shares_are_of_all_stacks() -> None:
    lines = [f"handle ({HANDLE.file}) 3", f"insert_many ({INSERT.file}) 1", ""]
    assert shares(lines) == {Owner("router", "handlers.messages: handle"): 0.75, Owner("pymongo", "insert_many"): 0.25}
    assert shares([]) == {}


def test_a_message_is_all_processes_in_its_order_divided_by_functions_or_threads() -> None:
    functions = {"router": {Owner("pymongo", "insert"): 0.75, Owner("router", "handle"): 0.25}}
    spent = {"router": 0.4, "kafka": 0.2, "auth": 0.1, "etcd": 0.1}
    part = whole("HTTP", spent | dict.fromkeys(("nginx", "frontend", "presence", "mongo", "redis"), 0.0), {}, functions)
    assert part.ms == pytest.approx(0.8)
    assert [one.name for one in part.parts if one.ms] == ["router", "kafka", "auth, etcd, others"]
    pymongo = part.parts[2].parts[0]
    assert (pymongo.name, round(pymongo.ms, 6), pymongo.parts[0].name) == ("pymongo", 0.3, "insert")


def test_what_threads_do_is_scaled_to_what_their_process_cost() -> None:
    spent = dict.fromkeys(("nginx", "frontend", "router", "presence", "mongo", "redis"), 0.0) | {"kafka": 0.3}
    part = whole("HTTP", spent, {"kafka": {"JIT compiler": 1.0, "network threads": 2.0}}, {})
    kafka = next(one for one in part.parts if one.name == "kafka")
    assert [(one.name, round(one.ms, 3)) for one in kafka.parts] == [("network threads", 0.2), ("JIT compiler", 0.1)]


def test_a_server_of_one_busy_thread_is_not_divided() -> None:
    spent = dict.fromkeys(("nginx", "frontend", "router", "presence", "mongo", "kafka"), 0.0) | {"redis": 0.1}
    part = whole("HTTP", spent, {"redis": {"redis-server": 0.99, "bio_aof": 0.01}}, {})
    assert next(one for one in part.parts if one.name == "redis").parts == ()


def test_small_parts_are_one_and_what_is_still_small_is_left_out() -> None:
    part = Part("router", 1.0, (Part("a", 0.5), *(Part(f"b{n}", 0.125) for n in range(3)), Part("c", 0.0)))
    assert together(part, 0.2).parts == (Part("a", 0.5), Part("4 more", 0.375))
    assert together(part, 0.4).parts == (Part("a", 0.5),)


def test_the_picture_is_well_formed_and_names_what_has_room() -> None:
    router = Part("router", 0.5, (Part("pymongo", 0.4, (Part("f.<locals> & co", 0.4),)), Part("tiny", 0.001)))
    picture = draw([Part("HTTP", 1.0, (router, Part("kafka", 0.5))), Part("500/s", 2.0, (Part("kafka", 2.0),))], "foot")
    shown = [text.text for text in ET.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")]  # noqa: S314
    assert {"HTTP: 1.00 ms", "500/s: 2.00 ms", "router", "50%", "pymongo", "f.<locals> & co", "400 µs", "foot"} <= {
        *shown
    }
    assert "tiny" not in shown
    assert "prefers-color-scheme: dark" in picture


def test_threads_of_servers_are_known_by_what_they_do() -> None:
    threads = {1: Thread("data-plane-kafk", 0.1), 2: Thread("data-plane-kafk", 0.2), 3: Thread("C2 CompilerThre", 0.3)}
    names = dumped('"data-plane-kafka-request-handler-0" #34 daemon cpu=1ms tid=0x7f nid=0x1 waiting on condition\n')
    assert kinds("kafka", threads, names) == {"request handlers": 0.1, "network and requests": 0.2, "JIT compiler": 0.3}
    assert kinds("mongo", {1: Thread("conn93", 0.1), 2: Thread("JournalFlusher", 0.2)}, {}) == {
        "connections": 0.1,
        "journal": 0.2,
    }
