"""What others write, on one's own terminal: shown whole, and without a way to steer it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.parley.cli.output import STEERING, clean, clean_json, clean_lines, line


def test_what_would_steer_a_terminal_is_shown_instead() -> None:
    assert clean("\x1b[2J\x07 a\tb\r\nc \x7f\u202e") == "␛[2J␇ a    b ⏎ c ␡\ufffd"


def test_lines_of_a_text_cannot_pass_for_lines_of_another() -> None:
    assert clean_lines("one\n10:15 ben  two", "    ") == "one\n    10:15 ben  two"


def test_ordinary_text_of_any_script_stays_as_it_is() -> None:
    for words in ("Grüße, 你好 👋", "שלום", "مرحبا", "[bold]not markup[/] :smile:"):
        assert clean(words) == words


def test_a_line_steers_nothing_though_nobody_has_cleaned_it(capsys: pytest.CaptureFixture[str]) -> None:
    line("one\ntwo ", ("\x1b]0;x\x07", "bold"))
    assert capsys.readouterr().out == "one\ntwo ␛]0;x␇\n"


@given(st.text())
def test_nothing_that_steers_is_left(text: str) -> None:
    assert not STEERING.search(clean(text))
    assert "\n" not in clean(text)
    assert not STEERING.search(clean_lines(text, "").replace("\n", ""))


@given(st.text())
def test_json_means_the_same_and_steers_nothing(text: str) -> None:
    document = json.dumps({"text": text}, ensure_ascii=False)
    assert json.loads(clean_json(document)) == {"text": text}
    assert not STEERING.search(clean_json(document))
