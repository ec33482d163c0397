"""Pairs of users with tokens and a conversation each, kept for the next run: a log-in costs 0.3 s of CPU."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TypeVar

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from clients.parley import ParleyClient, ProblemError

T = TypeVar("T")

AT_ONCE = 4
MARGIN_S = 900.0  # a token must outlast the longest set of runs


class User(msgspec.Struct):
    """A user of the bench; `valid_until` in seconds since 1970."""

    username: str
    password: str
    access_token: str = ""
    valid_until: float = 0.0


class Pair(msgspec.Struct):
    """A sender, their partner, and the conversation of the two."""

    sender: User
    recipient: User
    conversation_id: str = ""


class Crowd(msgspec.Struct):
    """All pairs known at one gateway."""

    gateway: str
    pairs: list[Pair] = []


async def gather(url: str, count: int, file: Path, console: Console) -> list[Pair]:
    """`count` pairs ready to talk at `url`, from `file` as far as they are still good there."""
    crowd = _load(file, url)
    if crowd.pairs and not await _still_known(url, crowd.pairs[0]):
        crowd = Crowd(url)
    crowd.pairs += [_new_pair() for _ in range(count - len(crowd.pairs))]
    pairs = crowd.pairs[:count]
    try:
        await _prepare(url, pairs, console)
    finally:
        _save(file, crowd)
    return pairs


async def _prepare(url: str, pairs: list[Pair], console: Console) -> None:
    fresh = [user for pair in pairs for user in (pair.sender, pair.recipient) if not user.valid_until]
    stale = [user for pair in pairs for user in (pair.sender, pair.recipient) if not _good(user)]
    alone = [pair for pair in pairs if not pair.conversation_id]
    with Progress(
        TextColumn("{task.description:>24}"), BarColumn(), MofNCompleteColumn(), console=console, transient=True
    ) as progress:
        async with ParleyClient(url, deadline_s=60) as client:
            await _each(fresh, lambda user: _register(client, user), "registering", progress)
            await _each(stale, lambda user: _log_in(client, user), "logging in", progress)
        await _each(alone, lambda pair: _introduce(url, pair), "opening conversations", progress)


async def _each(items: Iterable[T], work: Callable[[T], Awaitable[None]], what: str, progress: Progress) -> None:
    waiting = list(items)
    if not waiting:
        return
    bar = progress.add_task(what, total=len(waiting))

    async def worker() -> None:
        while waiting:
            await work(waiting.pop())
            progress.advance(bar)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(AT_ONCE):
            tasks.create_task(worker())


async def _register(client: ParleyClient, user: User) -> None:
    await client.register(user.username, user.password)
    user.valid_until = 1.0  # registered, never logged in


async def _log_in(client: ParleyClient, user: User) -> None:
    tokens = await client.log_in(user.username, user.password)
    user.access_token = tokens.access_token
    user.valid_until = time.time() + tokens.expires_in


async def _introduce(url: str, pair: Pair) -> None:
    async with ParleyClient(url, access_token=pair.sender.access_token) as client:
        pair.conversation_id = (await client.open_conversation([pair.recipient.username])).conversation_id


async def _still_known(url: str, pair: Pair) -> bool:
    """False where the platform has forgotten these users: its data was removed."""
    async with ParleyClient(url) as client:
        try:
            if not _good(pair.sender):
                await _log_in(client, pair.sender)
            client.access_token = pair.sender.access_token
            if pair.conversation_id:
                await client.conversation(pair.conversation_id)
        except ProblemError as problem:
            if problem.status in (401, 404):
                return False
            raise
    return True


def _new_pair() -> Pair:
    name, password = secrets.token_hex(4), secrets.token_urlsafe(12)
    return Pair(User(f"bench-{name}-a", password), User(f"bench-{name}-b", password))


def _good(user: User) -> bool:
    return user.valid_until > time.time() + MARGIN_S


def _load(file: Path, url: str) -> Crowd:
    try:
        crowd = msgspec.json.decode(file.read_bytes(), type=Crowd)
    except (OSError, msgspec.DecodeError):
        return Crowd(url)
    return crowd if crowd.gateway == url else Crowd(url)


def _save(file: Path, crowd: Crowd) -> None:
    known = Crowd(
        crowd.gateway, [pair for pair in crowd.pairs if pair.sender.valid_until and pair.recipient.valid_until]
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.write_bytes(msgspec.json.encode(known))
