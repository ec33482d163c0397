"""What stands in a line among other words, in pages and terminals: names and titles."""

import unicodedata

_ENDING = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Controls, halves of surrogate pairs and ends of lines, as Unicode classifies them."""
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""What turns the direction of all that stands behind it, also outside of the name."""


def spills(text: str) -> bool:
    """Whether something in it would change more than its own place in the line."""
    return any(unicodedata.category(c) in _ENDING or c in _TURNING for c in text)
