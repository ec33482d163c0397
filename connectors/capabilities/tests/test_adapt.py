"""Whatever is said fits its channel afterwards, and nothing of it is lost or changed without a word."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from connectors.capabilities import EVERY_CHANNEL, Channel, TextLimit
from connectors.capabilities.adapt import ELLIPSIS, Adapted, File, adapt, split
from connectors.sdk import Place, Text

TELEGRAM, WHATSAPP, MESSENGER, INSTAGRAM = (
    EVERY_CHANNEL[name] for name in ("telegram", "whatsapp", "messenger", "instagram")
)
LINK = "https://files.example/f/0199a5c4-7d1e-7c3a-9b52-3f1c0d2e4a10?signature=" + "a" * 300

limits = st.builds(TextLimit, st.integers(8, 60), st.sampled_from(["characters", "bytes"]))
texts = st.text(st.sampled_from("abcdé \n.!字👍🏽\u200d\u0301🇦🇹"), min_size=1, max_size=300)
channels = st.sampled_from(list(EVERY_CHANNEL.values()))
spoken = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4096).filter(lambda text: text.strip())
files = st.builds(
    File,
    filename=st.text("abc.é", min_size=1, max_size=80),
    content_type=st.sampled_from(["image/png", "video/mp4", "audio/ogg", "application/pdf", "text/plain"]),
    size=st.integers(0, 3 * 1024**3),
    link=st.just(LINK),
    caption=st.none() | spoken,
)
places = st.builds(
    Place, st.floats(-90, 90), st.floats(-180, 180), st.none() | st.text("ab ", min_size=1, max_size=256)
)


def without_spaces(text: str) -> str:
    return re.sub(r"\s", "", text)


@given(texts, limits, st.integers(1, 12))
def test_every_piece_fits_and_says_something(text: str, limit: TextLimit, most: int) -> None:
    pieces, _ = split(text, limit, most)
    assert 1 <= len(pieces) <= most
    assert all(limit.fits(piece) for piece in pieces)
    assert all(piece.strip() for piece in pieces) or not text.strip()


@given(texts, limits)
def test_splitting_loses_nothing_but_white_space_at_the_joints(text: str, limit: TextLimit) -> None:
    pieces, is_shortened = split(text, limit, 1_000)
    assert not is_shortened
    assert without_spaces("".join(pieces)) == without_spaces(text)


@given(texts, limits, st.integers(1, 4))
def test_what_is_cut_off_is_told_and_marked(text: str, limit: TextLimit, most: int) -> None:
    pieces, is_shortened = split(text, limit, most)
    kept = without_spaces("".join(pieces))
    if is_shortened:
        assert pieces[-1].endswith(ELLIPSIS)
        assert without_spaces(text).startswith(kept.removesuffix(ELLIPSIS))
    else:
        assert kept == without_spaces(text)


@given(st.lists(st.text("abcdef", min_size=1, max_size=8), min_size=2, max_size=60), limits)
def test_words_that_fit_are_not_cut_through(words: list[str], limit: TextLimit) -> None:
    limit = replace(limit, max=max(limit.max, 2 * max(map(len, words)) + 2))
    pieces, _ = split(" ".join(words), limit, 1_000)
    assert " ".join(pieces).split() == words


@given(st.integers(1, 200), limits)
def test_signs_of_several_code_points_stay_together(count: int, limit: TextLimit) -> None:
    limit = replace(limit, max=max(limit.max, 40))
    for sign in ("e\u0301", "👍🏽", "🇦🇹", "👩\u200d🚀"):
        pieces, _ = split(sign * count, limit, 1_000)
        assert all(piece == sign * (len(piece) // len(sign)) for piece in pieces)


def fits(adapted: Adapted, channel: Channel) -> bool:
    for piece in adapted.pieces:
        match piece:
            case Text(text):
                fitting = channel.text.fits(text)
            case Place(name=name):
                fitting = channel.location.native and (channel.location.named or name is None)
            case File(caption=caption):
                takes = channel.files.takes(piece.content_type, piece.size)
                fitting = takes and (caption is None or channel.captions(piece.content_type, piece.size, caption))
        if not fitting:
            return False
    return True


@given(st.builds(Text, spoken) | files | places, channels)
def test_whatever_is_sent_fits_its_channel_and_only_what_was_changed_is_told(
    content: Text | File | Place, channel: Channel
) -> None:
    adapted = adapt(content, channel)
    assert fits(adapted, channel)
    assert (adapted.pieces == (content,)) == (adapted.words == ())
    assert len(set(adapted.words)) == len(adapted.words)


@given(st.builds(Text, spoken) | files | places, channels)
def test_what_fits_already_stays_as_it_is(content: Text | File | Place, channel: Channel) -> None:
    for piece in adapt(content, channel).pieces:
        assert adapt(piece, channel) == Adapted((piece,), ())


@given(files, channels)
def test_a_link_is_never_cut(file: File, channel: Channel) -> None:
    adapted = adapt(file, channel)
    if "file_as_link" in adapted.words:
        assert sum(isinstance(piece, Text) and LINK in piece.text for piece in adapted.pieces) == 1


def test_a_text_is_split_between_paragraphs_first() -> None:
    limit = TextLimit(20)
    assert split("One. Two.\n\nThree. Four. Five", limit, 9) == (["One. Two.", "Three. Four. Five"], False)
    assert split("One two\nthree four. Five six", limit, 9) == (["One two\nthree four.", "Five six"], False)
    assert split("One two three four five six", limit, 9) == (["One two three four", "five six"], False)
    assert split("0123456789abcdefghijklmn", limit, 9) == (["0123456789abcdefghij", "klmn"], False)


def test_a_text_that_is_too_long_for_all_its_pieces_is_shortened() -> None:
    channel = replace(TELEGRAM, text=TextLimit(10))
    adapted = adapt(Text("one two three four five"), channel, most_pieces=2)
    assert adapted == Adapted((Text("one two"), Text("three…")), ("text_split", "text_shortened"))
    assert adapt(Text("one two three"), channel, most_pieces=1) == Adapted((Text("one two…"),), ("text_shortened",))


def test_bytes_are_counted_where_the_platform_counts_bytes() -> None:
    adapted = adapt(Text("é" * 501), INSTAGRAM)
    assert adapted == Adapted((Text("é" * 500), Text("é")), ("text_split",))
    assert adapt(Text("é" * 501), MESSENGER).words == ()


def test_a_white_text_stays_one_so_that_the_platform_may_refuse_it() -> None:
    assert adapt(Text(" " * 2000), INSTAGRAM).pieces == (Text(" " * 1000),)


def test_a_caption_goes_alone_where_files_bear_none() -> None:
    photo = File("cat.png", "image/png", 1_000, LINK, "Our cat")
    assert adapt(photo, TELEGRAM) == Adapted((photo,), ())
    assert adapt(photo, MESSENGER) == Adapted((replace(photo, caption=None), Text("Our cat")), ("caption_separate",))


def test_a_caption_goes_alone_beside_files_of_a_kind_that_bears_none() -> None:
    voice = File("voice.ogg", "audio/ogg; codecs=opus", 1_000, LINK, "Listen")
    assert adapt(voice, TELEGRAM) == Adapted((voice,), ())
    assert adapt(voice, WHATSAPP) == Adapted((replace(voice, caption=None), Text("Listen")), ("caption_separate",))


def test_a_file_of_a_type_that_a_channel_does_not_take_goes_as_a_link() -> None:
    archive = File("all.zip", "application/zip", 1_000, LINK)
    assert adapt(archive, WHATSAPP).words == ("file_as_link",)


def test_a_caption_that_is_too_long_is_not_shortened_but_goes_alone() -> None:
    photo = File("cat.png", "image/png", 1_000, LINK, "x" * 1025)
    assert adapt(photo, TELEGRAM).pieces == (replace(photo, caption=None), Text("x" * 1025))


@pytest.mark.parametrize("size", [52_428_801, 2 * 1024**3])
def test_a_file_that_is_too_large_goes_as_a_link(size: int) -> None:
    film = File("film.mp4", "video/mp4", size, LINK, "Look")
    adapted = adapt(film, TELEGRAM)
    assert adapted == Adapted((Text(f"Look\n\nfilm.mp4 ({size / 1e6:.1f} MB)\n{LINK}"),), ("file_as_link",))
    assert adapt(film, TELEGRAM.taking_files_of(2 * 1024**3)) == Adapted((film,), ())


def test_a_link_that_leaves_no_room_for_the_name_goes_alone() -> None:
    tight = replace(MESSENGER, text=TextLimit(len(LINK) + 5))
    film = File("film.mp4", "video/mp4", 1_000_000_000, LINK, "Look")
    assert adapt(film, tight) == Adapted((Text(LINK), Text("Look")), ("file_as_link", "caption_separate"))


def test_a_file_of_a_type_that_is_not_taken_goes_as_a_link() -> None:
    table = File("table.csv", "text/csv", 999, LINK)
    assert adapt(table, INSTAGRAM) == Adapted((Text(f"table.csv (1 kB)\n{LINK}"),), ("file_as_link",))
    assert adapt(replace(table, content_type="application/pdf"), INSTAGRAM).words == ()


def test_a_location_goes_as_a_link_where_there_is_no_map() -> None:
    adapted = adapt(Place(48.2082, 16.3738, "Stephansdom"), MESSENGER)
    link = "https://www.openstreetmap.org/?mlat=48.208200&mlon=16.373800#map=16/48.208200/16.373800"
    assert adapted == Adapted((Text(f"Stephansdom\n{link}"),), ("location_as_link",))


def test_a_name_that_a_location_cannot_bear_goes_alone() -> None:
    adapted = adapt(Place(48.2082, 16.3738, "Stephansdom"), TELEGRAM)
    assert adapted == Adapted((Place(48.2082, 16.3738), Text("Stephansdom")), ("place_name_separate",))


def test_the_signs_of_the_tests_are_what_they_are_called() -> None:
    assert unicodedata.category("\u0301") == "Mn"
    assert unicodedata.category("🏽") == "Sk"
