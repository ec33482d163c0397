"""Makes what somebody sends fit a channel, and says in stable words what had to be changed; pure."""

import re
import unicodedata
from typing import Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from connectors.capabilities.channel import Channel, TextLimit
from connectors.sdk import Place, Text

Word = Literal[
    "text_split",
    "text_shortened",
    "caption_separate",
    "place_name_separate",
    "file_as_link",
    "location_as_link",
    "reply_dropped",
]
MOST_PIECES = 10
ELLIPSIS = "…"
MAP = "https://www.openstreetmap.org/?mlat={0:.6f}&mlon={1:.6f}#map=16/{0:.6f}/{1:.6f}"
JOINTS = tuple(map(re.compile, (r"\n\s*\n", r"\n", r"(?<=[.!?…])\s", r"\s")))
"""Where one splits: between paragraphs, else lines, else sentences, else words."""

FLAG_LETTER = re.compile("[\U0001f1e6-\U0001f1ff]")
FLAG_LETTERS = re.compile("[\U0001f1e6-\U0001f1ff]+\\Z")
JOINER = "\u200d"


class File(Struct, frozen=True):
    """A file of ours; `link` is where whoever has it may read the file without logging in."""

    filename: str
    content_type: str
    size: int
    link: str
    caption: str | None = None


Piece = Text | Place | File


class Adapted(NamedTuple):
    """What is sent in place of it, in this order; only the first piece answers what the whole answers."""

    pieces: tuple[Piece, ...]
    words: tuple[Word, ...]


def adapt(content: Piece, channel: Channel, most_pieces: int = MOST_PIECES) -> Adapted:
    """A text becomes at most `most_pieces`, and what is left of it is cut off."""
    match content:
        case Text(text):
            return _text(text, channel.text, most_pieces)
        case Place():
            return _place(content, channel)
        case File():
            takes = channel.files.takes(content.content_type, content.size)
            return (_file if takes else _link)(content, channel, most_pieces)


def _text(text: str, limit: TextLimit, most_pieces: int) -> Adapted:
    pieces, is_shortened = split(text, limit, most_pieces)
    words: list[Word] = ["text_split"] if len(pieces) > 1 else []
    return Adapted(tuple(map(Text, pieces)), (*words, *(("text_shortened",) if is_shortened else ())))


def _place(place: Place, channel: Channel) -> Adapted:
    if not channel.location.native:
        link = MAP.format(place.latitude, place.longitude)
        return Adapted((Text(f"{place.name}\n{link}" if place.name else link),), ("location_as_link",))
    if place.name and not channel.location.named:
        return Adapted((replace(place, name=None), Text(place.name)), ("place_name_separate",))
    return Adapted((place,), ())


def _file(file: File, channel: Channel, most_pieces: int) -> Adapted:
    if not file.caption or channel.captions(file.content_type, file.size, file.caption):
        return Adapted((file,), ())
    return _with_caption(replace(file, caption=None), file.caption, channel, most_pieces, ())


def _link(file: File, channel: Channel, most_pieces: int) -> Adapted:
    """The link stays whole and comes first, wherever the caption has no room beside it."""
    named = f"{file.filename} ({_size(file.size)})\n{file.link}"
    link = named if channel.text.fits(named) else file.link
    whole = f"{file.caption}\n\n{link}" if file.caption else link
    if not file.caption or channel.text.fits(whole):
        return Adapted((Text(whole),), ("file_as_link",))
    return _with_caption(Text(link), file.caption, channel, most_pieces, ("file_as_link",))


def _with_caption(piece: Piece, caption: str, channel: Channel, most_pieces: int, words: tuple[Word, ...]) -> Adapted:
    following = _text(caption, channel.text, most_pieces)
    return Adapted((piece, *following.pieces), (*words, "caption_separate", *following.words))


def split(text: str, limit: TextLimit, most_pieces: int) -> tuple[list[str], bool]:
    """The pieces, and whether something is missing. White space where two pieces meet is left out."""
    pieces: list[str] = []
    rest = text
    while not limit.fits(rest):
        if len(pieces) == most_pieces - 1:
            return [*pieces, _shortened(rest, limit)], True
        cut = _cut(rest, limit)
        pieces += [head] if (head := rest[:cut].rstrip()) else []
        rest = rest[cut:].lstrip()
    pieces += [rest] if rest else []
    return (pieces, False) if pieces else ([text[: limit.fitting(text)]], False)


def _shortened(text: str, limit: TextLimit) -> str:
    room = limit.max - (1 if limit.counted_in == "characters" else len(ELLIPSIS.encode()))
    return text[: _cut(text, replace(limit, max=room))].rstrip() + ELLIPSIS


def _cut(text: str, limit: TextLimit) -> int:
    """Where to cut a text that does not fit: the best joint in the second half of what does, else between signs."""
    most = limit.fitting(text)
    for joint in JOINTS:
        places = [found.start() for found in joint.finditer(text, most // 2, most + 1) if found.start() > 0]
        if places:
            return places[-1]
    return next((at for at in range(most, most // 2, -1) if not _belongs_to_the_one_before(text, at)), most)


def _belongs_to_the_one_before(text: str, at: int) -> bool:
    """Accents, the parts of an emoji and the second letter of a flag would be shown for themselves, or not at all."""
    if FLAG_LETTER.match(text, at):
        letters = len(text[:at]) - len(FLAG_LETTERS.sub("", text[:at]))
        return letters % 2 == 1
    return unicodedata.category(text[at]) in ("Mn", "Me", "Mc", "Cf", "Sk") or text[at - 1] == JOINER


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{max(1, round(size / 1e3))} kB"
