"""What platforms still know after their process has ended, however it ended: one small JSON file."""

import asyncio
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

log = logging.getLogger(__name__)

SOON_S = 1.0
MOST_PEOPLE = 2_000
"""Of each platform; the newest."""


@dataclass
class Memory:
    """Without a `path` nothing is kept. The file is always whole: another takes its place at once."""

    path: Path | None
    _tells: dict[str, Callable[[], object]] = field(default_factory=dict)
    _due: asyncio.TimerHandle | None = None

    def recall(self, platform: str, form: Any) -> Any:
        """What was known of it at the end, in this form; None where nothing was, or it cannot be read."""
        try:
            content = self.path.read_bytes() if self.path else b"{}"
            section = msgspec.json.decode(content, type=dict[str, msgspec.Raw]).get(platform)
            return section and msgspec.json.decode(section, type=form)
        except FileNotFoundError:
            return None
        except (OSError, UnicodeError, msgspec.MsgspecError) as error:
            log.warning("%s begins anew, for %s is not to be read: %s", platform, self.path, error)
            return None

    def keep(self, platform: str, tell: Callable[[], object]) -> None:
        """From now on, what it tells when it is asked."""
        self._tells[platform] = tell

    def write(self) -> None:
        """Now; it is on disk after this call. Where that fails, the platforms go on in memory alone."""
        self._forget_timer()
        if self.path is None:
            return
        new = self.path.with_name(f".{self.path.name}.new")
        try:
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.encode({name: tell() for name, tell in self._tells.items()}))
            new.replace(self.path)
        except OSError:
            log.exception("what platforms know is not written to %s", self.path)

    def write_soon(self) -> None:
        """Within a second, once for all that changes until then."""
        if self.path is not None and self._due is None:
            self._due = asyncio.get_running_loop().call_later(SOON_S, self.write)

    def close(self) -> None:
        """Writes what was still to be written."""
        if self._due is not None:
            self.write()

    def _forget_timer(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None
