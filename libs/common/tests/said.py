"""What clients may say, right and wrong, for tests that hold whatever they say."""

import json

import msgspec
from hypothesis import strategies as st

C = "0190163d-8694-739b-aea5-966c26f8ad91"
M = "0190163d-8694-739b-aea5-000000000001"
MEMBERS = ["ana", "bo", "cy"]

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)
FIELDS = st.fixed_dictionaries(
    {"conversation_id": st.just(C) | JSON, "payload": st.just({"type": "text", "text": "hi"}) | JSON},
    optional={
        name: JSON | valid
        for name, valid in {
            "message_id": st.just(M),
            "from": st.just("ana"),
            "to": st.lists(st.sampled_from(MEMBERS)),
            "channels": st.sampled_from(["all", ["internal"], ["all"]]),
            "reply_to": st.just(M),
            "metadata": st.dictionaries(st.text(), JSON),
        }.items()
    },
)


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


def depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max((depth(v) for v in value.values()), default=0)
    return 1 + max((depth(v) for v in value), default=0) if isinstance(value, list) else 0


def has_surrogate(text: str) -> bool:
    return any(0xD800 <= ord(c) <= 0xDFFF for c in json.dumps(json.loads(text), ensure_ascii=False))
