"""The decoder as a process: what it makes of images, and how it stands those that were made to do harm."""

import asyncio
import io
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvloop
from PIL import Image

from conftest import ROOT
from libs.common.errors import Unavailable
from services.files.tests import images
from services.files.tests.images import BLUE, GREEN, RED, WHITE, quarters, saved
from services.files.thumbnails import child
from services.files.thumbnails.child import DECODER, REFUSALS, Bounds, Made, Refusal, make_thumbnails

pytestmark = pytest.mark.pure

MIB = 1024 * 1024
UNBOUNDED = 10**9
CORNERS = [RED, GREEN, WHITE, BLUE]  # clockwise, from the left above


async def cut(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 100_000):
        yield content[start : start + 100_000]


async def made(content: bytes, kind: str, **bounds: int) -> list[Made]:
    return await make_thumbnails(cut(content), len(content), f"image/{kind}", Bounds(**bounds))


async def refused(content: bytes, kind: str, **bounds: int) -> str:
    with pytest.raises(Refusal) as refusal:
        await made(content, kind, **bounds)
    assert refusal.value.detail == REFUSALS[refusal.value.code]
    return refusal.value.code


def opened(one: Made) -> Image.Image:
    image = Image.open(io.BytesIO(one.content))
    assert (image.format, image.size) == ("WEBP", (one.width, one.height))
    return image


def corners(one: Made) -> list[tuple[int, ...]]:
    image, right, below = opened(one).convert("RGB"), one.width - 9, one.height - 9
    return [image.getpixel(place) for place in ((8, 8), (right, 8), (right, below), (8, below))]  # type: ignore[misc]


def are_like(found: list[tuple[int, ...]], expected: list[tuple[int, int, int]]) -> bool:
    return all(
        abs(a - b) < 40 for one, other in zip(found, expected, strict=True) for a, b in zip(one, other, strict=True)
    )


GOOD = {
    "jpeg": saved(quarters(), "JPEG"),
    "jpeg progressive": saved(quarters(), "JPEG", progressive=True),
    "jpeg cmyk": saved(quarters(mode="CMYK"), "JPEG"),
    "jpeg of several pictures": images.pictures_in_one(),
    "jpeg of a telephone": images.photo(),
    "png": saved(quarters(), "PNG"),
    "png palette": saved(quarters(mode="P"), "PNG"),
    "png alpha": saved(quarters(mode="RGBA"), "PNG"),
    "png with a colour for transparency": saved(quarters(), "PNG", transparency=(1, 2, 3)),
    "gif": saved(quarters(), "GIF"),
    "webp": saved(quarters(), "WEBP"),
    "webp alpha": saved(quarters(mode="RGBA"), "WEBP", lossless=True),
}


@pytest.mark.parametrize("name", GOOD)
async def test_an_image_becomes_two_of_the_same_shape_and_colours(name: str) -> None:
    found = await made(GOOD[name], name.split()[0])
    assert [(one.side, one.width, one.height) for one in found] == [(160, 160, 120), (640, 640, 480)]
    assert are_like(corners(found[1]), CORNERS)


@pytest.mark.parametrize("mode", ["L", "LA", "1", "I;16"])
async def test_grey_is_as_bright_as_it_was(mode: str) -> None:
    grey = Image.new("L", (700, 700), 200)
    whole = grey.convert("I").point(lambda v: v * 257).convert("I;16") if mode == "I;16" else grey.convert(mode)
    [small, _] = await made(saved(whole, "PNG"), "png")
    pixels = opened(small).convert("L").tobytes()
    assert abs(sum(pixels) / len(pixels) - 200) < 15


@pytest.mark.parametrize(
    ("turned", "expected"),
    [
        (1, CORNERS),
        (2, [GREEN, RED, BLUE, WHITE]),
        (3, [WHITE, BLUE, RED, GREEN]),
        (4, [BLUE, WHITE, GREEN, RED]),
        (5, [RED, BLUE, WHITE, GREEN]),
        (6, [BLUE, RED, GREEN, WHITE]),
        (7, [WHITE, GREEN, RED, BLUE]),
        (8, [GREEN, WHITE, BLUE, RED]),
        (9, CORNERS),
    ],
)
async def test_a_photo_is_upright_however_the_camera_was_held(
    turned: int, expected: list[tuple[int, int, int]]
) -> None:
    [_, large] = await made(images.photo(turned), "jpeg")
    assert (large.width, large.height) == ((480, 640) if 5 <= turned <= 8 else (640, 480))
    assert are_like(corners(large), expected)


async def test_nothing_but_the_pixels_is_kept() -> None:
    for one in await made(images.photo(), "jpeg"):
        assert not opened(one).getexif()
        assert not {"exif", "icc_profile", "xmp"} & opened(one).info.keys()
        assert not any(word in one.content for word in (b"EXIF", b"ICCP", b"XMP ", b"Maker", b"comment"))


async def test_what_is_transparent_stays_so() -> None:
    image = quarters(mode="RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    for kind in ("PNG", "WEBP"):
        [_, large] = await made(saved(image, kind), kind.lower())
        top, bottom = (opened(large).convert("RGBA").getpixel((300, y)) for y in (5, 474))
        assert isinstance(top, tuple)
        assert isinstance(bottom, tuple)
        assert (top[3] < 20, bottom[3] > 235) == (True, True)
    clear = Image.new("P", (300, 300), 0)
    found = await made(saved(clear, "GIF", transparency=0), "gif")
    assert opened(found[0]).convert("RGBA").getchannel("A").getextrema() == (0, 0)


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
async def test_of_what_moves_the_first_picture_is_taken(kind: str) -> None:
    [small] = await made(images.moving(kind, frames=500), kind.lower())
    assert (small.width, small.height) == (64, 64)
    assert not getattr(opened(small), "is_animated", False)
    assert are_like(corners(small), [RED] * 4)


async def test_nothing_is_made_larger_than_it_is() -> None:
    sizes = {}
    for side in (1, 160, 161, 640, 1_000):
        found = await made(saved(quarters(side, side), "PNG"), "png")
        sizes[side] = [one.width for one in found]
    assert sizes == {1: [1], 160: [160], 161: [160, 161], 640: [160, 640], 1_000: [160, 640]}


async def test_a_thin_line_is_an_image_too() -> None:
    found = await made(saved(Image.new("RGB", (30_000, 1), RED), "PNG"), "png")
    assert [(one.width, one.height) for one in found] == [(160, 1), (640, 1)]


@pytest.mark.parametrize("name", GOOD)
async def test_half_an_image_is_refused(name: str) -> None:
    if name == "jpeg of several pictures":
        content = GOOD[name][: len(GOOD[name]) // 4]
    else:
        content = GOOD[name][: len(GOOD[name]) // 2]
    assert await refused(content, name.split()[0]) == "broken_image"


@pytest.mark.parametrize(
    ("width", "height"), [(60_000, 60_000), (2**31 - 1, 2**31 - 1), (50_000_000, 1), (7_072, 7_072), (1, 32_769)]
)
async def test_absurd_dimensions_are_refused_before_anything_is_decoded(width: int, height: int) -> None:
    assert await refused(images.png_that_claims(width, height), "png", memory=400 * MIB) == "too_many_pixels"


async def test_text_that_unpacks_without_end_costs_no_memory() -> None:
    assert await refused(images.png_with_much_text(), "png", memory=400 * MIB) == "broken_image"


async def test_a_child_that_takes_too_much_memory_ends() -> None:
    whole = saved(Image.new("RGBA", (6_000, 6_000)), "PNG", compress_level=1)
    assert await refused(whole, "png", memory=250 * MIB) == "too_much_memory"


async def test_a_child_that_computes_for_too_long_ends() -> None:
    assert await refused(images.jpeg_of_many_scans(), "jpeg", scans=UNBOUNDED, cpu_s=1) == "took_too_long"


async def test_many_scans_are_refused_before_they_take_long() -> None:
    """Whoever sends them one after the other holds up the images of all others. Here there is time for each scan."""
    async with asyncio.timeout(60):
        assert await refused(images.jpeg_of_many_scans(20_000), "jpeg", cpu_s=600, wall_s=600) == "took_too_long"


async def test_a_child_that_is_late_is_killed() -> None:
    assert await refused(images.jpeg_of_many_scans(), "jpeg", scans=UNBOUNDED, wall_s=0) == "took_too_long"
    assert children() == []


async def test_what_is_too_large_is_not_even_read() -> None:
    async def never() -> AsyncIterator[bytes]:
        raise AssertionError
        yield b""

    with pytest.raises(Refusal) as refusal:
        await make_thumbnails(never(), 1_001, "image/png", Bounds(size=1_000))
    assert refusal.value.code == "too_large"


@pytest.mark.parametrize("kind", ["jpeg", "png", "gif", "webp"])
async def test_only_the_decoder_of_its_type_sees_it(kind: str) -> None:
    others = [GOOD[other] for other in sorted({"jpeg", "png", "gif", "webp"} - {kind})]
    contents = [*others, b"", b"x", saved(quarters(), "TIFF"), b"%!PS\n"]
    codes = await asyncio.gather(*(refused(content, kind) for content in contents))
    assert set(codes) == {"broken_image"}


async def test_what_hangs_behind_an_image_is_left_behind() -> None:
    for name in ("jpeg", "png", "gif"):
        found = await made(GOOD[name] + b"PK\x03\x04<script>alert(1)</script>" * 100, name)
        assert not any(b"script" in one.content for one in found)


@pytest.mark.parametrize("kind", ["jpeg", "png", "gif", "webp"])
async def test_whatever_is_wrong_inside_ends_in_an_image_or_a_refusal(kind: str) -> None:
    whole = saved(quarters(200, 150), kind.upper(), **({"exif": Image.Exif().tobytes()} if kind == "jpeg" else {}))
    broken = [made(images.flipped(whole, seed), kind) for seed in range(12)]
    for outcome in await asyncio.gather(*broken, return_exceptions=True):
        if isinstance(outcome, Refusal):
            assert outcome.code in ("broken_image", "too_many_pixels", "too_much_memory")
        else:
            assert isinstance(outcome, list)
    assert children() == []


async def test_a_decoder_ends_with_the_process_that_started_it() -> None:
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PARENT), stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    assert Path(f"/proc/{pid}").exists()
    parent.kill()
    await parent.wait()
    async with asyncio.timeout(60):
        while is_running(pid):
            await asyncio.sleep(0.02)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the latter where it goes between opening and reading
        return False


PARENT = """
import asyncio
from services.files.thumbnails import child

async def main():
    process = await child._started()
    await child._ordered(process, 1_000, "image/png", child.Bounds())
    print(process.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_store_that_goes_away_is_no_broken_image() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield GOOD["png"][:500]
        raise Unavailable("S3", "gone")

    with pytest.raises(Unavailable):
        await make_thumbnails(broken(), len(GOOD["png"]), "image/png", Bounds())
    assert children() == []


def test_it_is_the_same_on_the_event_loop_of_the_services() -> None:
    found = uvloop.run(made(GOOD["png"], "png"))
    assert [one.width for one in found] == [160, 640]
    assert children() == []


TRIES = """
import errno, os, socket, sys
sys.path.insert(0, {folder!r})
import decoder
decoder.give_up_rights(600 * 1024 * 1024, 60)
def fails(attempt, *numbers):
    try:
        attempt()
    except OSError as error:
        return error.errno in numbers
    except MemoryError:
        return not numbers
    return False
assert fails(lambda: open("/etc/passwd"), errno.EMFILE)
assert fails(lambda: socket.socket(), errno.EMFILE)
assert fails(lambda: os.pipe(), errno.EMFILE)
assert fails(lambda: bytearray(700 * 1024 * 1024))
assert os.nice(0) == 10
assert not [name for name in os.environ if name.startswith("PARLEY")]
print("all of it failed")
"""


def test_a_decoder_opens_nothing_and_takes_nothing() -> None:
    program = TRIES.format(folder=str(DECODER.parent))
    done = subprocess.run(
        [sys.executable, "-I", "-B", "-c", program], env={}, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("all of it failed\n", "")


WEBP = b"RIFF\x04\0\0\0WEBP"


@pytest.mark.parametrize(
    "said",
    [
        *(b"", b"\n", b"{}\n", b"rubbish\n", b'{"made":[]}\n', b'{"refused":"anything"}\n', b'{"made":[[1,1]]}\n'),
        *(b'{"made":[[160,160,12]]}\n' + content for content in (b"", b"RIFF", b"<svg></svg>..", WEBP + b"more")),
        b'{"made":[[161,1,12]]}\n' + WEBP,
        b'{"made":[[0,1,12]]}\n' + WEBP,
        b'{"made":[[1,1,-12]]}\n' + WEBP,
        b'{"made":[[1,1,12],[1,1,12],[1,1,12]]}\n' + WEBP * 3,
    ],
)
def test_a_decoder_that_was_taken_over_is_not_believed(said: bytes) -> None:
    with pytest.raises(Refusal) as refusal:
        child._judged(said, 0)
    assert refusal.value.code == "decoder_died"


def test_a_decoder_that_was_killed_made_nothing() -> None:
    assert [one.width for one in child._judged(b'{"made":[[9,9,12]]}\n' + WEBP, 0)] == [9]
    with pytest.raises(Refusal) as refusal:
        child._judged(b'{"made":[[9,9,12]]}\n' + WEBP, -11)
    assert refusal.value.code == "decoder_died"


def children() -> list[str]:
    """Decoders that were not ended."""
    found = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    commands = [Path(f"/proc/{pid}/cmdline").read_text() for pid in found]
    return [command for command in commands if "decoder" in command]
