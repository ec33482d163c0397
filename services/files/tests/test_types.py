"""What a file is said to be, and what its bytes say."""

import pytest

from libs.common.errors import Problem
from services.files.domain.types import ALLOWED, detect_type, normal_type, patterns, require_allowed, types_match

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
PDF = b"%PDF-1.7\n%abc"
ZIP = b"PK\x03\x04" + bytes(60)
EXE = b"MZ\x90\0\x03" + bytes(100)
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.mark.parametrize(
    ("head", "declared", "detected", "matches"),
    [
        (PNG, "image/png", "image/png", True),
        (PNG, "image/jpeg", "image/png", False),
        (PNG, "application/octet-stream", "image/png", True),
        (b"GIF89a" + bytes(50), "image/gif", "image/gif", True),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(50), "image/jpg", "image/jpg", True),
        (PDF, "application/pdf", "application/pdf", True),
        (PDF, "text/plain", "application/pdf", False),
        (ZIP, "application/zip", "application/zip", True),
        (ZIP, DOCX, DOCX, True),
        (ZIP, "image/png", "application/zip", False),
        (EXE, "image/png", "application/vnd.microsoft.portable-executable", False),
        (b"\x7fELF\x02\x01\x01" + bytes(50), "application/pdf", "application/x-executable", False),
        (b"hello, world", "text/plain", "text/plain", True),
        (b"a,b\n1,2\n", "text/csv", "text/plain", True),
        (b'{"a": 1}', "application/json", "text/plain", True),
        ("über".encode() * 1000 + b"\xc3", "text/plain", "text/plain", True),
        (b"<!DOCTYPE html><html><body>", "text/plain", "text/html", False),
        (b"BMW is a car", "text/plain", "text/plain", True),
        (b"hello, world", "image/png", "text/plain", False),
        (b"\0\1\2\3\xff", "image/png", "application/octet-stream", False),
        (b"\0\1\2\3\xff", "application/octet-stream", "application/octet-stream", True),
    ],
)
def test_the_bytes_say_what_they_are(head: bytes, declared: str, detected: str, matches: bool) -> None:
    assert detect_type(head, declared) == detected
    assert types_match(declared, detected) == matches


@pytest.mark.parametrize(("said", "kind"), [("IMAGE/PNG", "image/png"), ("text/plain; charset=utf-8", "text/plain")])
def test_a_type_is_kept_without_its_parameters(said: str, kind: str) -> None:
    assert normal_type(said) == kind


@pytest.mark.parametrize("said", ["", "png", "image/", "/png", "image/png\r\nX: 1", "a/b/c", "ü/x"])
def test_what_is_no_type_is_refused(said: str) -> None:
    with pytest.raises(Problem) as refusal:
        normal_type(said)
    assert [error.pointer for error in refusal.value.errors] == ["/content_type"]


@pytest.mark.parametrize("kind", ["image/png", "video/mp4", "audio/ogg", "text/plain", "application/pdf", DOCX])
def test_what_people_send_each_other_is_taken(kind: str) -> None:
    require_allowed(kind, ALLOWED)


@pytest.mark.parametrize("kind", ["text/html", "image/svg+xml", "application/x-msdownload", "application/javascript"])
def test_what_runs_as_a_program_is_not(kind: str) -> None:
    with pytest.raises(Problem) as refusal:
        require_allowed(kind, ALLOWED)
    assert refusal.value.code == "content_type_not_allowed"


def test_an_operator_may_say_what_is_taken() -> None:
    require_allowed("image/svg+xml", patterns("image/*, application/pdf"))
    require_allowed("text/html", patterns("*"))
    assert patterns("") == ALLOWED


def test_a_setting_that_is_no_list_of_types_is_refused() -> None:
    with pytest.raises(ValueError, match="no content type"):
        patterns("image/*, <png>")
