"""Whether anything looks different on any phone, for pages that wait for it."""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2s

from fastapi.responses import Response

from connectors.simulator.interface import Impossible, shown
from connectors.simulator.phones.phone import Phones

LOOK_AGAIN_S = 0.1
LONGEST_S = 20.0
MOST_WAITING = 64


@dataclass
class Changes:
    """`deeds` counts what was done on phones; `began` tells one simulator from the next."""

    platforms: Mapping[str, Phones]
    began: str = field(default_factory=lambda: secrets.token_hex(8))
    deeds: int = 0
    waiting: int = 0

    def done(self) -> Response:
        """Something was."""
        self.deeds += 1
        return shown({"done": True})

    def version(self) -> str:
        versions = [phones.version() for phones in self.platforms.values()]
        return blake2s(repr((self.began, self.deeds, versions)).encode(), digest_size=8).hexdigest()

    async def after(self, version: str) -> str:
        """The version once it is another one, or after 20 s. Raises `Impossible` where too many wait."""
        if self.waiting >= MOST_WAITING:
            raise Impossible("too many pages are open")
        self.waiting += 1
        try:
            async with asyncio.timeout(LONGEST_S):
                while True:
                    if (now := self.version()) != version:
                        return now
                    await asyncio.sleep(LOOK_AGAIN_S)
        except TimeoutError:
            return version
        finally:
            self.waiting -= 1
