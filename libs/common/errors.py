"""The words in which failures are said: to an HTTP caller (`Problem`) and to the bus (`Retry`, `Reject`)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

MAX_ERRORS = 256


@dataclass(frozen=True, slots=True)
class FieldError:
    """One invalid field: `pointer` is a JSON Pointer (RFC 6901) into the body, "" for the body itself."""

    pointer: str
    detail: str


def each_wrong(wrong: Collection[str], asked: Sequence[str], under: str, detail: str) -> list[FieldError]:
    """One for each wrong item of a list, where it stands first; at most `MAX_ERRORS`, however long the list is."""
    first: dict[str, int] = {}
    for index, item in enumerate(asked):
        first.setdefault(item, index)
    return [FieldError(f"{under}/{place}", detail) for place in sorted(first[item] for item in wrong)[:MAX_ERRORS]]


class Problem(Exception):
    """An answer to an HTTP caller as RFC 9457 has it; `code` is stable and part of the contract.

    `allow` are the methods that there are, where one that is not was used.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        retry_after_s: int | None = None,
        allow: Collection[str] = (),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.retry_after_s = retry_after_s
        self.allow = allow


def invalid(pointer: str, detail: str, code: str = "invalid_field") -> Problem:
    """422 for one field."""
    return Problem(422, code, detail, errors=[FieldError(pointer, detail)])


def malformed(detail: str) -> Problem:
    return Problem(400, "malformed", detail)


def not_found(what: str) -> Problem:
    """404, also for what exists but is not the caller's."""
    return Problem(404, "not_found", f"There is no such {what}, or it is not yours.")


class Retry(Exception):
    """Not now: the same records are handed over again after `after_s` seconds, for as long as it takes."""

    def __init__(self, detail: str, after_s: float = 1.0) -> None:
        super().__init__(detail)
        self.after_s = after_s


class Unavailable(Retry):
    """A dependency does not answer: the bus waits for it, an HTTP caller gets 503."""

    def __init__(self, dependency: str, detail: str) -> None:
        super().__init__(f"{dependency} does not answer: {detail}", after_s=0.5)
        self.dependency = dependency


class Reject(Exception):
    """Never: this record is dead-lettered with `reason` (a word of `snake_case`)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
