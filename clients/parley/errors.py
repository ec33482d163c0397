"""What can go wrong, as exceptions that say who must act: the caller, the network, or the server."""

from collections.abc import Mapping
from typing import Any

import msgspec


class FieldError(msgspec.Struct, frozen=True):
    """One invalid field: a JSON pointer into the body, and what is wrong there."""

    pointer: str = ""
    detail: str = ""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 9457 problem+json with the fields of Parley; `code` is stable and meant for programs."""

    status: int = 0
    code: str = "unknown"
    title: str = ""
    detail: str = ""
    trace_id: str | None = None
    errors: tuple[FieldError, ...] = ()


class ParleyError(Exception):
    """Anything that this client raises about the platform."""


class UnreachableError(ParleyError):
    """No answer within the deadline: whether the server acted is not known."""


class StorageUnreachableError(UnreachableError):
    """The store of files gave no answer, or broke off; what it has already is not lost."""


class StorageError(ParleyError):
    """The store of files refused, or answered something else than what was asked for."""

    def __init__(self, words: str, status: int = 0) -> None:
        super().__init__(words)
        self.status = status


class LocalFileError(ParleyError):
    """A file of this machine cannot be read or written, is none, or changed meanwhile; the words say which."""


class AlreadyThereError(LocalFileError):
    """A file of that name exists, and nobody said that it may be lost."""


class SocketClosedError(ParleyError):
    """The server or the network ended the socket; 1006 is a connection that broke without a word."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"the socket closed with {code}{f' ({reason})' if reason else ''}")
        self.code = code
        self.reason = reason


class ProblemError(ParleyError):
    """The server refused, and says why."""

    def __init__(self, problem: Problem, retry_after_s: float | None = None) -> None:
        fields = "".join(f"; {e.pointer} {e.detail}" for e in problem.errors)
        super().__init__(f"{problem.status} {problem.code}: {problem.detail or problem.title}{fields}")
        self.problem = problem
        self.status = problem.status
        self.code = problem.code
        self.detail = problem.detail
        self.errors = problem.errors
        self.trace_id = problem.trace_id
        self.retry_after_s = retry_after_s


class SessionEndedError(ProblemError):
    """The log-in is over (revoked, expired or logged out): only logging in again helps."""

    @classmethod
    def logged_out(cls) -> "SessionEndedError":
        return cls(Problem(status=401, code="logged_out", detail="This session was logged out."))


def read_problem(status: int, headers: Mapping[str, str], body: bytes) -> ProblemError:
    """The error of an answer; one that is no problem+json (a proxy in between) becomes code `not_a_problem`."""
    retry_after_s = _seconds(headers.get("retry-after"))
    try:
        found: dict[str, Any] = msgspec.json.decode(body, type=dict[str, Any])
        problem = msgspec.convert({"status": status, **found}, Problem)
    except (msgspec.DecodeError, RecursionError):
        detail = f"an answer with status {status} that is no problem+json"
        problem = Problem(status=status, code="not_a_problem", detail=detail)
    return ProblemError(problem, retry_after_s)


def _seconds(value: str | None) -> float | None:
    return float(value) if value and value.isdecimal() else None
