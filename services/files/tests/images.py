"""Images of all kinds for tests, good ones and such as somebody made to do harm."""

import io
import random
import struct
import zlib
from typing import Any

from PIL import Image

RED, GREEN, BLUE, WHITE = (220, 20, 20), (20, 200, 20), (20, 20, 220), (250, 250, 250)
GPS = 0x8825
ORIENTATION = 0x0112


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def quarters(width: int = 800, height: int = 600, mode: str = "RGB") -> Image.Image:
    """Red and green above, blue and white below."""
    image = Image.new("RGB", (width, height))
    for index, colour in enumerate((RED, GREEN, BLUE, WHITE)):
        left, top = (index % 2) * width // 2, (index // 2) * height // 2
        image.paste(colour, (left, top, left + width // 2, top + height // 2))
    return image.convert(mode)


def photo(turned: int = 1) -> bytes:
    """As a telephone takes it: a note of how it was held, and where."""
    exif = Image.Exif()
    exif[ORIENTATION] = turned
    exif[0x010F] = "Maker of the telephone"
    exif.get_ifd(GPS)[1] = "N"
    exif.get_ifd(GPS)[2] = (52.0, 31.0, 12.0)
    return saved(quarters(), "JPEG", exif=exif, quality=90, comment=b"a comment")


def moving(kind: str, frames: int = 3) -> bytes:
    colours = [RED, GREEN, BLUE]
    others = [Image.new("RGB", (64, 64), colours[n % 3]) for n in range(1, frames)]
    return saved(Image.new("RGB", (64, 64), RED), kind, save_all=True, append_images=others, loop=0, duration=20)


def pictures_in_one() -> bytes:
    return saved(quarters(), "MPO", save_all=True, append_images=[quarters()])


def png_that_claims(width: int, height: int, rows: int = 1) -> bytes:
    """A header of any size, and a few rows of zeros."""
    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    data = zlib.compress(bytes(4 * min(width, 1_000_000) + 1) * rows)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def png_with_much_text() -> bytes:
    """Text that is small when packed."""
    whole = saved(quarters(64, 64), "PNG")
    bomb = _chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(200_000_000)))
    return whole[:33] + bomb + whole[33:]


def jpeg_of_many_scans(scans: int = 2_000) -> bytes:
    """Small, and each of its scans goes over all of its 9 million pixels."""
    whole = saved(Image.new("RGB", (3_000, 3_000), RED), "JPEG", progressive=True)
    last = whole.rindex(b"\xff\xda")
    return whole[:-2] + whole[last:-2] * scans + whole[-2:]


def flipped(content: bytes, seed: int, flips: int = 20) -> bytes:
    """The same with some bytes wrong."""
    dice, broken = random.Random(seed), bytearray(content)
    for _ in range(flips):
        broken[dice.randrange(8, len(broken))] = dice.randrange(256)
    return bytes(broken)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
