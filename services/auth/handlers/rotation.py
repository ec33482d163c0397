"""A new key that signs, and the end of old ones; one step that may be cut off anywhere and done again."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.auth.domain.keys import Term, name_key, needed, terms


class Folder(Protocol):
    def key_ids(self) -> list[str]: ...
    def locked(self) -> AbstractContextManager[None]: ...
    def add(self, key_id: str) -> None: ...
    def remove(self, key_id: str) -> None: ...
    def sweep(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Rotated:
    """`newest` is the key that will sign; `is_new`: this rotation made it. `removed` verified nothing any more."""

    newest: Term
    is_new: bool
    removed: list[str]


def rotate(folder: Folder, at: datetime, roll_dice: Callable[[], str]) -> Rotated:
    """While the newest key still waits for its turn, no other is made."""
    with folder.locked():
        folder.sweep()
        known = terms(folder.key_ids())
        is_new = not known or at >= known[-1].signs_from
        if is_new:
            folder.add(name_key(at, roll_dice()))
        return Rotated(terms(folder.key_ids())[-1], is_new, _remove_retired(folder, at))


def _remove_retired(folder: Folder, at: datetime) -> list[str]:
    retired = set(folder.key_ids()) - {term.key_id for term in needed(folder.key_ids(), at)}
    for key_id in sorted(retired):
        folder.remove(key_id)
    return sorted(retired)
