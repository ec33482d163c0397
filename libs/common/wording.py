"""The decoder's findings in our words, each with a JSON Pointer to what is wrong."""

import re

import msgspec

from libs.common.errors import Problem, invalid

_EXPECTED = re.compile(r"Expected `(.+?)`(?:, got `(.+?)`)?")
_MISSING = re.compile(r"missing required field `(.+?)`")
_UNKNOWN = re.compile(r"unknown field `(.+?)`")
_WORDS = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}  # as JSON calls them
_TYPE = re.compile(rf"\b({'|'.join(_WORDS)})\b")
_PATH = re.compile(r"at `\$(.*?)(?:\[\.{3}\].*)?`")  # where it leads into something of any form, to there


def from_validation(error: msgspec.ValidationError, under: str = "") -> Problem:
    """422; `under` is where the decoded part stands in the body."""
    words = str(error)
    path = _PATH.search(words)
    pointer = under + (re.sub(r"\[(\d+)\]", r"/\1", path[1]).replace(".", "/") if path else "")
    if missing := _MISSING.search(words):
        return invalid(f"{pointer}/{missing[1]}", f"{missing[1]} is required")
    if unknown := _UNKNOWN.search(words):
        return invalid(f"{pointer}/{unknown[1]}", "is not known here")
    if expected := _EXPECTED.search(words):
        return invalid(pointer, _instead(*expected.groups("")))
    return invalid(pointer, "is a number out of range" if "out of range" in words else "is not valid")


def _instead(wanted: str, got: str) -> str:
    wanted, got = (_TYPE.sub(lambda found: _WORDS[found[0]], words) for words in (wanted, got))
    return f"must be {wanted.replace(' | ', ' or ')}" + (f", not {got}" if got else "")
