"""bcrypt beside the event loop: a core at a time, in a bounded queue."""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Self, TypeVar

import bcrypt

from libs.common.errors import Problem

COST = 12  # about 0.25 s of one core
MAX_BYTES = 72  # bcrypt's limit
QUEUE_PER_CORE = 48  # the last in the queue waits 48 · 0.25 = 12 s; the gateway has patience for 30
RETRY_AFTER_S = 5
NOBODYS_HASH = b"$2b$12$YHqV18ykkmzmawqYH.fnKOEdZE6DVqwdqFHVzmRMlVeoaL3sDpQZC"

T = TypeVar("T")


def cores_for_passwords() -> int:
    """All but one: beside a core that is free of them other requests wait milliseconds, else a tenth of a second."""
    return max(1, len(os.sched_getaffinity(0)) - 1)


class Passwords:
    """Hashes and compares, one password a core at a time; past the queue's bound it raises `Problem` 503."""

    def __init__(self, cores: int, queue_per_core: int = QUEUE_PER_CORE) -> None:
        self._threads = ThreadPoolExecutor(cores, "bcrypt", initializer=_let_others_go_first)
        self._bound = cores * (1 + queue_per_core)
        self._under_way = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def hash(self, password: str) -> str:
        return (await self._run(bcrypt.hashpw, password.encode(), bcrypt.gensalt(COST))).decode()

    async def matches(self, password: str, password_hash: str | None) -> bool:
        """The same work whether there is a hash to compare with or not, and whatever is given: JSON may say no text."""
        given = password.encode(errors="surrogatepass")
        if password_hash is None or len(given) > MAX_BYTES:
            await self._run(bcrypt.checkpw, given[:MAX_BYTES], NOBODYS_HASH)
            return False
        return await self._run(bcrypt.checkpw, given, password_hash.encode())

    async def _run(self, function: Callable[[bytes, bytes], T], password: bytes, salt: bytes) -> T:
        if self._under_way >= self._bound:
            words = "Too many passwords are being checked at the moment; try again."
            raise Problem(503, "busy", words, retry_after_s=RETRY_AFTER_S)
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, function, password, salt)
        finally:
            self._under_way -= 1


def _let_others_go_first() -> None:
    """At full priority a long computation makes the event loop wait for its turn; a busy machine must let people in."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 5)
