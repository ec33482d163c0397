"""Multipart bodies: every way of cutting them gives the same parts, and none that is broken passes."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.simulator.multipart import Malformed, Part, Reader, Write

TYPE = "multipart/form-data; boundary=edge"


class Parts:
    def __init__(self) -> None:
        self.found: list[tuple[Part, bytearray]] = []

    def open(self, part: Part) -> Write:
        self.found.append((part, bytearray()))
        return self.found[-1][1].extend

    def read(self, content_type: str, body: bytes, piece: int) -> list[tuple[Part, bytes]]:
        reader = Reader(content_type, self.open)
        for start in range(0, len(body), piece):
            reader.feed(body[start : start + piece])
        reader.finish()
        return [(part, bytes(content)) for part, content in self.found]


def built(fields: dict[str, str], name: str, content: bytes) -> tuple[str, bytes]:
    files = {"document": (name, content, "text/plain")}
    request = httpx.Request("POST", "http://a", data=fields, files=files)
    return request.headers["content-type"], request.read()


@given(st.binary(max_size=300) | st.sampled_from([b"\r\n--", b"\r\n--edge", b"--\r\n\r\n"]), st.integers(1, 60))
def test_a_file_comes_out_as_it_went_in(content: bytes, piece: int) -> None:
    content_type, body = built({"chat_id": "42"}, 'a "b" é.txt', content)
    assert Parts().read(content_type, body, piece) == [
        (Part("chat_id", None, "text/plain"), b"42"),
        (Part("document", 'a "b" é.txt', "text/plain"), content),
    ]


@pytest.mark.parametrize("piece", [1, 3, 1_000])
def test_a_preamble_and_an_epilogue_say_nothing(piece: int) -> None:
    body = b'hello\r\n--edge\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n--edge--\r\nbye'
    assert Parts().read(TYPE, body, piece) == [(Part("a", None, "text/plain"), b"")]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--edge--"),
        (TYPE, b""),
        (TYPE, b"--edge\r\n"),
        (TYPE, b'--edge\r\nContent-Disposition: form-data; name="a"\r\n\r\nhalf'),
        (TYPE, b"--edge\r\nContent-Disposition: form-data\r\n\r\nx\r\n--edge--"),
        (TYPE, b"--edgeXX"),
        (TYPE, b"--edge\r\n" + b"a: b\r\n" * 2_000),
    ],
)
def test_what_is_broken_is_refused(content_type: str, body: bytes) -> None:
    with pytest.raises(Malformed):
        Parts().read(content_type, body, 1_000)


def test_a_large_file_is_never_held() -> None:
    sizes: list[int] = []
    reader = Reader(TYPE, lambda _: lambda data: sizes.append(len(data)))
    reader.feed(b'--edge\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n')
    for _ in range(100):
        reader.feed(b"x" * 65_536)
        assert sizes[-1] > 65_000
    reader.feed(b"\r\n--edge--")
    reader.finish()
    assert sum(sizes) == 100 * 65_536
