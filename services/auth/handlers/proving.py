"""Proving addresses: a code is sent there, and whoever brings it back has the address."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple, Protocol
from weakref import WeakValueDictionary

from libs.common.clock import new_id, now, rfc3339
from libs.common.errors import FieldError, Problem, Unavailable, not_found
from libs.common.events import NoticeEvent
from services.auth.domain import claims as rules
from services.auth.domain.channels import Mapping
from services.auth.domain.claims import Claim, Standing
from services.auth.handlers.channels import Kept, MappingStore, Owner, taken
from services.auth.handlers.passwords import Passwords


class KeptClaim(NamedTuple):
    """A claim as it was found; `revision` 0: there was none."""

    claim: Claim | None
    revision: int


class Sendings(NamedTuple):
    """When codes were sent, for one address or one user, as it was found."""

    key: str
    times: Sequence[datetime]
    revision: int


class Change(NamedTuple):
    """A proof as it is to be stored; `loser`: whose unproven mapping of the address ends with it."""

    username: str
    claim: KeptClaim
    kept: Kept
    owner: Owner
    loser: Kept
    mapping: Mapping


class ClaimStore(Protocol):
    async def of(self, username: str) -> list[Claim]: ...
    async def find(self, username: str, channel: str) -> KeptClaim: ...
    async def sendings(self, username: str, channel: str, address: str) -> tuple[Sendings, Sendings]: ...
    async def open(self, username: str, before: KeptClaim, claim: Claim, sendings: Collection[Sendings]) -> bool: ...
    async def change(self, username: str, before: KeptClaim, claim: Claim) -> bool: ...
    async def count(self, sendings: Collection[Sendings]) -> bool: ...
    async def drop(self, username: str, channel: str) -> None: ...
    async def prove(self, change: Change) -> bool: ...


@dataclass(frozen=True)
class Sending:
    """How codes get to their addresses; `channels` are those on which that is possible."""

    channels: Callable[[], Collection[str]]
    publish: Callable[[NoticeEvent], Awaitable[None]]


@dataclass(frozen=True)
class Proving:
    """Without `sending` nobody is asked for a proof; what was claimed before can be proven all the same.

    A user hashes one code at a time: however many they send at once, others get their turns to log in.
    """

    claims: ClaimStore
    mappings: MappingStore
    passwords: Passwords
    sending: Sending | None
    _turns: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    @property
    def is_asked(self) -> bool:
        return self.sending is not None

    async def claim(self, username: str, channel: str, address: str) -> Mapping | Claim:
        """A code is on its way when this returns. What is proven stays as it is.

        Raises `Problem` 409 `address_taken` and `channel_not_configured`, 429 where too many codes were sent.
        """
        assert self.sending is not None
        kept = await self.mappings.find(username, channel)
        if kept.mapping and kept.mapping.address == address and kept.mapping.verified_at:
            return kept.mapping
        if channel not in self.sending.channels():
            raise Problem(409, "channel_not_configured", f"No code can be sent: {channel} is not configured here.")
        await self._rival(username, channel, address)
        code = f"{secrets.randbelow(10**rules.CODE_DIGITS):0{rules.CODE_DIGITS}}"
        async with self._turn(username):
            _counted(*await self.claims.sendings(username, channel, address), now())
            claim = await self._open(username, channel, address, await self.passwords.hash(code))
        try:
            await self.sending.publish(_notice(claim, code, username))
        except Unavailable:
            await self._uncount(username, claim)
            raise
        return claim

    def _turn(self, username: str) -> asyncio.Lock:
        return self._turns.setdefault(username, asyncio.Lock())

    async def _open(self, username: str, channel: str, address: str, code_hash: str) -> Claim:
        """The same claim with another code, where there is one. It counts before it is sent, also where many are."""
        while True:
            at = now()
            before = await self.claims.find(username, channel)
            last = before.claim if before.claim and before.claim.address == address else None
            sendings = _counted(*await self.claims.sendings(username, channel, address), at)
            created_at = last.created_at if last else at
            claim = Claim(channel, address, created_at, code_hash, at + rules.CODE_LIVES)
            if await self.claims.open(username, before, claim, sendings):
                return claim

    async def _uncount(self, username: str, claim: Claim) -> None:
        """A code that never left does not count."""
        counted_at, is_done = claim.expires_at - rules.CODE_LIVES, False
        while not is_done:
            both = await self.claims.sendings(username, claim.channel, claim.address)
            others = [each._replace(times=[t for t in each.times if t != counted_at]) for each in both]
            is_done = await self.claims.count(others)

    async def prove(self, username: str, channel: str, code: str) -> Mapping:
        """Each answer about a code is counted before it is given, also where many ask at once.

        Raises `Problem` 404, 409 `address_taken`, 410 `code_expired`, 422 `wrong_code`, 429 `too_many_attempts`.
        """
        async with self._turn(username):
            return await self._prove(username, channel, code)

    async def _prove(self, username: str, channel: str, code: str) -> Mapping:
        while True:
            before = await self.claims.find(username, channel)
            if before.claim is None:
                return await self._proven_already(username, channel)
            await self._refuse_early(username, before.claim)
            if not await self.passwords.matches(code.replace(" ", ""), before.claim.code_hash):
                failed = replace(before.claim, failures=before.claim.failures + 1)
                if await self.claims.change(username, before, failed):
                    raise _wrong(rules.ATTEMPTS - failed.failures)
                continue
            kept = await self.mappings.find(username, channel)
            owner, loser = await self._rival(username, channel, before.claim.address)
            at = now()
            mapping = Mapping(channel, before.claim.address, at, at)
            if await self.claims.prove(Change(username, before, kept, owner, loser, mapping)):
                return mapping

    async def _rival(self, username: str, channel: str, address: str) -> tuple[Owner, Kept]:
        """Who has the address, and by which mapping of another. Raises `Problem` 409 where that is proven."""
        owner = await self.mappings.owner(channel, address)
        if not owner.revision or owner.username == username:
            return owner, Kept(None, 0)
        kept = await self.mappings.find(owner.username, channel)
        if kept.mapping is not None and kept.mapping.address == address and kept.mapping.verified_at:
            raise taken(channel, address)
        return owner, kept

    async def _proven_already(self, username: str, channel: str) -> Mapping:
        """Who did not hear the answer asks again."""
        kept = await self.mappings.find(username, channel)
        if kept.mapping is None or kept.mapping.verified_at is None:
            raise not_found("address to be proven")
        return kept.mapping

    async def _refuse_early(self, username: str, claim: Claim) -> None:
        at = now()
        match rules.standing(claim, at):
            case Standing.EXPIRED:
                raise Problem(410, "code_expired", "This code is too old: map the address again, for another.")
            case Standing.USED_UP:
                of_address, of_user = await self.claims.sendings(username, claim.channel, claim.address)
                words = "Too many codes were wrong, and this one is void: map the address again, for another."
                raise Problem(429, "too_many_attempts", words, retry_after_s=max(1, _wait_s(of_address, of_user, at)))


def _counted(of_address: Sendings, of_user: Sendings, at: datetime) -> tuple[Sendings, Sendings]:
    """With one more. Raises `Problem` 429."""
    if left_s := _wait_s(of_address, of_user, at):
        raise Problem(429, "too_many_codes", "Too many codes were sent; wait before the next.", retry_after_s=left_s)
    both = [each._replace(times=[*rules.lately(each.times, at), at]) for each in (of_address, of_user)]
    return both[0], both[1]


def _wait_s(of_address: Sendings, of_user: Sendings, at: datetime) -> int:
    return max(rules.wait_s(of_address.times, rules.OF_ADDRESS, at), rules.wait_s(of_user.times, rules.OF_USER, at))


def _wrong(left: int) -> Problem:
    words = f"This is not the code; {left} more {'try' if left == 1 else 'tries'}."
    return Problem(422, "wrong_code", words, errors=[FieldError("/code", "is not the code that was sent")])


def _notice(claim: Claim, code: str, username: str) -> NoticeEvent:
    return NoticeEvent(
        notice_id=new_id(),
        channel=claim.channel,
        address=claim.address,
        text=rules.code_words(code, username),
        expires_at=rfc3339(claim.expires_at),
    )
