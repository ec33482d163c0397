"""What an answer to a batch leaves to be sent again."""

from typing import Any

import msgspec
import pytest

from bench.device import RefusedError
from bench.doors import Busy, refused


def answer(*items: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"items": items})


def accepted(name: str) -> dict[str, Any]:
    return {"message_id": name, "status": "ACCEPTED"}


def problem(status: int, **more: Any) -> dict[str, Any]:
    return {"problem": {"status": status, "code": "why", **more}}


def test_a_batch_that_was_accepted_leaves_nothing() -> None:
    assert refused(["a", "b"], answer(accepted("a"), accepted("b"))) == Busy([], 0.0)


def test_what_kafka_did_not_take_is_sent_again_after_the_longest_wait() -> None:
    busy = refused(["a", "b", "c"], answer(accepted("a"), problem(503, retry_after=1), problem(429, retry_after=3)))
    assert busy == Busy(["b", "c"], 3)


def test_what_will_never_be_accepted_ends_the_run() -> None:
    with pytest.raises(RefusedError, match="404: why"):
        refused(["a", "b"], answer(accepted("a"), problem(404)))


def test_an_answer_of_another_length_is_no_answer() -> None:
    with pytest.raises(ValueError, match="shorter"):
        refused(["a", "b"], answer(accepted("a")))
