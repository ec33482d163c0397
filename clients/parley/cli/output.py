"""What commands print: lines and tables without anything that could steer a terminal, or JSON for programs."""

import json
import re
from datetime import datetime
from typing import Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPE_COLUMNS = 400

# Control characters (escape sequences begin with one), bidirectional overrides, and line ends that are none of ours.
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")
NEWLINE = re.compile("\r\n?|\n")


def console(*, stderr: bool = False) -> Console:
    """Prints what it is given as it is: no markup, no emoji codes, nothing highlighted; into a pipe nothing folded."""
    made = Console(stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=True)
    if not made.is_terminal:
        made.width = PIPE_COLUMNS
    return made


def line(*parts: str | tuple[str, str], stderr: bool = False) -> None:
    """Parts are words or (words, style); their line breaks stay, nothing in them steers."""
    told = Text.assemble(*(_steady(part) if isinstance(part, str) else (_steady(part[0]), part[1]) for part in parts))
    console(stderr=stderr).print(told)


def document(value: Any) -> None:
    """One JSON document, indented."""
    typer.echo(_json(value, indent=2))


def json_line(value: Any) -> None:
    typer.echo(_json(value, indent=None))


def _json(value: Any, indent: int | None) -> str:
    """Times as the API writes them, with milliseconds."""
    plain = msgspec.to_builtins(value, builtin_types=(datetime,))
    return clean_json(json.dumps(plain, ensure_ascii=False, indent=indent, default=_rfc3339))


def _rfc3339(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def table(*headings: str) -> Table:
    """Without a frame: it can be copied and cut."""
    made = Table(box=None, pad_edge=False, header_style="dim")
    for heading in headings:
        made.add_column(heading, overflow="fold")
    return made


def cell(words: str, style: str = "") -> Text:
    return Text(clean(words), style)


def clean(text: str) -> str:
    """One line: control characters by their pictures (␛), line breaks as ⏎, tabs as spaces."""
    return _steady(NEWLINE.sub(" ⏎ ", text)).replace("\t", "    ")


def _steady(text: str) -> str:
    return STEERING.sub(_picture, text)


def clean_lines(text: str, indent: str) -> str:
    """Line breaks stay, and what follows them is indented, so that no text can pass for another's line."""
    return f"\n{indent}".join(clean(line) for line in NEWLINE.split(text))


def clean_json(document: str) -> str:
    """JSON that steers no terminal either: in strings, the only place for them, such characters are escaped."""
    return STEERING.sub(lambda found: f"\\u{ord(found.group()):04x}", document)


def _picture(found: re.Match[str]) -> str:
    code = ord(found.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else "\ufffd"
