"""What a file may be called."""

import unicodedata
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.files.domain.names import FORBIDDEN, MAX_BYTES, UNSEEN, clean_name, disposition


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("cat.png", "cat.png"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ana\\tax.pdf", "tax.pdf"),
        ("  two   spaces.txt", "two spaces.txt"),
        ("bill.pdf" + "\u3164" * 60 + "\u2800.exe", "bill.pdf .exe"),
        ("a\0b\r\nc.txt", "abc.txt"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ('a<b>"c|d?.txt', "a_b__c_d_.txt"),
        ("con.txt", "_con.txt"),
        ("AUX .txt", "_AUX .txt"),
        ("com¹.txt", "_com¹.txt"),
        ("CONIN$", "_CONIN$"),
        ("x" * 254 + "." + "y" * 40, "x" * 254),
        ("..", "file"),
        ("\u200b", "file"),
        ("u\u0308ber.txt", "über.txt"),
        (".bashrc", "bashrc"),
        ("ü" * 300 + ".jpeg", "ü" * 125 + ".jpeg"),
    ],
)
def test_a_name_is_cleaned(said: str, kept: str) -> None:
    assert clean_name(said) == kept


@given(st.text(max_size=1024))
def test_whatever_is_said_the_name_is_safe(said: str) -> None:
    name = clean_name(said)
    assert name.strip(". ") == name
    assert len(name.encode()) <= MAX_BYTES
    assert not {unicodedata.category(c) for c in name} & UNSEEN
    assert not set(name) & (FORBIDDEN | {"/", "\\"})


@pytest.mark.parametrize("name", ["cat.png", 'a"b.txt', "50%.txt", "über ñ.txt", "a\\b", "猫.png"])
def test_a_download_is_saved_under_the_name_itself(name: str) -> None:
    plain, _, exact = disposition(name).partition("; filename*=UTF-8''")
    assert unquote(exact) == name
    assert plain.startswith('attachment; filename="')
    assert plain.count('"') == 2


@given(st.text(max_size=200))
def test_no_name_breaks_out_of_the_header(said: str) -> None:
    header = disposition(clean_name(said))
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2
