"""The only code that decodes images of strangers: a program of its own, without rights, that ends with its one image.

Standard input: one line of JSON (format, bounds, sides), then the image. Standard output: `ready`, then one line of
JSON and the thumbnails, one after the other; or why there are none. `child.py` runs it; it imports nothing of ours.
"""

import copy
import ctypes
import io
import json
import os
import resource
import signal
import struct
import sys
import warnings
from typing import Any

from PIL import Image, ImageColor, ImageFile, ImagePalette, MpoImagePlugin, TiffImagePlugin, TiffTags, WebPImagePlugin

Image.preinit()
LOADED = (copy, ImageColor, ImageFile, ImagePalette, MpoImagePlugin, TiffImagePlugin, TiffTags, WebPImagePlugin)
"""What Pillow would load when it first needs it: then no file can be opened any more."""

END_WITH_PARENT, NO_NEW_PRIVILEGES = 1, 38  # prctl(2)
QUALITY = 80
EFFORT = 4  # of the encoder, 0 to 6
ORIENTATION = 0x0112  # in EXIF
START_OF_SCAN = b"\xff\xda"  # nothing that is encoded holds it
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Refused(Exception):
    """`args[0]` is a code that `child.py` knows."""


def give_up_rights(memory: int, cpu_s: int) -> None:
    """No files, no sockets, no processes, and only so much memory and time; nothing of it can be taken back."""
    limits = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_NOFILE: 3,  # standard input, output and error are open; a fourth never will be
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_CORE: 0,
    }
    os.nice(10)
    prctl = ctypes.CDLL(None).prctl
    prctl(END_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
    prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))  # XCPU, then KILL
    for limit, value in limits.items():
        resource.setrlimit(limit, (value, value))


def thumbnails(content: bytes, order: dict[str, Any]) -> list[tuple[int, int, bytes]]:
    """Width, height and bytes of each. Raises `Refused`, and whatever the decoders raise."""
    if order["format"] == "JPEG" and content.count(START_OF_SCAN) > order["scans"]:
        raise Refused("took_too_long")
    try:
        image = Image.open(io.BytesIO(content), formats=(order["format"],))
    except Image.DecompressionBombError:
        raise Refused("too_many_pixels") from None
    if max(image.size) > order["side"] or image.width * image.height > order["pixels"]:
        raise Refused("too_many_pixels")
    small = plain(image, max(order["sides"]))
    return [encoded(small, side) for side in sides_for(small, order["sides"])]


def plain(image: Image.Image, side: int) -> Image.Image:
    """The first picture of it, upright, at most so large, in a mode that WebP has, and with nothing but its pixels."""
    turn = TURNS.get(orientation(image))
    has_alpha = image.has_transparency_data
    mode = "RGBA" if has_alpha else "RGB"
    if image.mode.startswith("I"):
        image = image.point(lambda value: value * (1 / 257)).convert("L")  # 16 bits to 8
    elif image.mode in ("1", "P", "PA") or "transparency" in image.info:
        image = image.convert(mode)
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    image = image.convert(mode)
    image.info = {}
    return image if turn is None else image.transpose(turn)


def orientation(image: Image.Image) -> int:
    """As a camera noted it; what is no EXIF says nothing."""
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except (ArithmeticError, LookupError, OSError, SyntaxError, TypeError, ValueError, struct.error):
        return 1


def sides_for(image: Image.Image, sides: list[int]) -> list[int]:
    """None that is larger than one which holds all of the image already."""
    short = [side for side in sorted(sides) if side < max(image.size)]
    return sorted(sides)[: len(short) + 1]


def encoded(image: Image.Image, side: int) -> tuple[int, int, bytes]:
    small = image.copy()
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    small.save(out, "WEBP", quality=QUALITY, method=EFFORT)
    return small.width, small.height, out.getvalue()


def main() -> None:
    order = json.loads(sys.stdin.buffer.readline())
    warnings.simplefilter("ignore")
    Image.MAX_IMAGE_PIXELS = order["pixels"]
    give_up_rights(order["memory"], order["cpu_s"])
    out = sys.stdout.buffer
    out.write(b"ready\n")
    out.flush()
    content = sys.stdin.buffer.read(order["size"])
    made: list[tuple[int, int, bytes]] = []
    answer: dict[str, Any]
    try:
        made = thumbnails(content, order)
        answer = {"made": [[width, height, len(content)] for width, height, content in made]}
    except Refused as refused:
        answer = {"refused": refused.args[0]}
    except MemoryError:
        answer = {"refused": "too_much_memory"}
    except Exception as error:
        answer = {"refused": "broken_image", "why": type(error).__name__}
    out.write(json.dumps(answer).encode() + b"\n" + b"".join(content for _, _, content in made))
    out.flush()


if __name__ == "__main__":
    main()
