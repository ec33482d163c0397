"""What goes wrong on purpose: which fault applies to a call or an update now, for one chat or everywhere."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import msgspec

Kind = Literal["delay", "error", "reset", "lost", "refused", "flood", "blocked", "double", "late", "disorder", "batch"]
MEANING: dict[Kind, str] = {
    "delay": "calls are answered `seconds` late",
    "error": "calls are answered with `status` and a page of HTML; nothing is done",
    "reset": "the connection is reset before anything is done",
    "lost": "the call is done, and the connection reset instead of an answer",
    "refused": "nothing listens for `seconds`; for everybody, this interface included",
    "flood": "calls that send are answered 429 with `retry_after` = `seconds`",
    "blocked": "calls for a chat are answered 403, as if its person had blocked the bot",
    "double": "each update is sent twice",
    "late": "updates are sent `seconds` late",
    "disorder": "each update waits for up to `seconds`: order is lost, but on Telegram it holds within a chat",
    "batch": "updates wait until a multiple of `seconds`, and come together where a platform has batches",
}


class Fault(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`chat` None: everywhere. It ends after `times` uses or `for_s` seconds; `share` is how many it hits."""

    kind: Kind
    chat: int | str | None = None
    seconds: float = 0.0
    status: int = 502
    times: int | None = None
    for_s: float | None = None
    share: float = 1.0


class Standing(msgspec.Struct, omit_defaults=True):
    """A fault that was switched on; `used` counts whom it hit."""

    id: int
    fault: Fault
    until: float | None = None
    used: int = 0


@dataclass
class Faults:
    clock: Callable[[], float]
    dice: random.Random
    standing: dict[int, Standing] = field(default_factory=dict)
    _last_id: int = 0

    def add(self, fault: Fault) -> Standing:
        self._last_id += 1
        until = None if fault.for_s is None else self.clock() + fault.for_s
        self.standing[self._last_id] = Standing(self._last_id, fault, until)
        return self.standing[self._last_id]

    def hit(self, *kinds: Kind, chat: int | str | None = None) -> Fault | None:
        """The first fault of these kinds that stands for just this chat (None: for everywhere), used once more."""
        self._end()
        for each in list(self.standing.values()):
            fault = each.fault
            if fault.kind in kinds and fault.chat == chat and self.dice.random() < fault.share:
                each.used += 1
                return fault
        return None

    def hit_either(self, *kinds: Kind, chat: int | str) -> Fault | None:
        """That of the chat goes before that of everywhere."""
        return self.hit(*kinds, chat=chat) or self.hit(*kinds)

    def current(self) -> list[Standing]:
        self._end()
        return list(self.standing.values())

    def _end(self) -> None:
        now = self.clock()
        for each in list(self.standing.values()):
            is_used_up = each.fault.times is not None and each.used >= each.fault.times
            if is_used_up or (each.until is not None and now >= each.until):
                del self.standing[each.id]
