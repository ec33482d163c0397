"""What no platform sends, for properties: any bytes, any JSON, and webhooks of the cases with one value replaced."""

import json
from typing import Any

from hypothesis import strategies as st

from connectors.exam.cases import read_cases

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def arrivals(channel: str) -> st.SearchStrategy[bytes]:
    """Bodies of requests to this channel's webhook."""
    return st.binary(max_size=50) | json_values.map(lambda v: json.dumps(v).encode()) | damaged(readable(channel))


def readable(channel: str) -> list[dict[str, Any]]:
    """The bodies of its cases that are read without a failure."""
    return [c.body for c in read_cases(channel).webhook if isinstance(c.body, dict) and c.raised is None]


@st.composite
def damaged(draw: st.DrawFn, bodies: list[dict[str, Any]]) -> bytes:
    """One of them, with something else in place of one of its values."""
    body = json.loads(json.dumps(draw(st.sampled_from(bodies))))
    *way, last = draw(st.sampled_from(_paths(body)))
    parent = body
    for step in way:
        parent = parent[step]
    parent[last] = draw(json_values)
    return json.dumps(body).encode()


def _paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [*([at] if at else []), *(path for key, each in inner for path in _paths(each, (*at, key)))]
