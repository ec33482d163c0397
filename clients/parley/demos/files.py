"""The story of a large file: up, sent, down at the other's; and again with the upload killed half-way and resumed."""

import asyncio
import hashlib
import os
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from msgspec import Struct

from clients.parley.client import ParleyClient
from clients.parley.demos.killed import Interrupted, KilledUpload
from clients.parley.demos.people import a_user
from clients.parley.demos.stage import Narrator
from clients.parley.errors import ParleyError
from clients.parley.files import Progress, StoredFile, Tell
from clients.parley.frames import Arrived, CaughtUp
from clients.parley.live import LiveChat

SIZE = 100_000_000
BLOCK = 4 * 1024**2


class Step(Struct, frozen=True):
    """Something that took time; `size` is how many bytes it moved or read, 0 where that says nothing."""

    what: str
    ms: float
    size: int = 0


class FilesStory(Struct, frozen=True, kw_only=True):
    """What happened; `missing` says in words what did not go as promised, and is empty when all went well."""

    gateway: str
    sender: str
    recipient: str
    conversation_id: str
    size: int
    sha256: str
    steps: tuple[Step, ...]
    interrupted: Interrupted | None
    missing: tuple[str, ...]


@dataclass
class Play:
    """Two people, a file, and what was noted about it."""

    url: str
    ana: ParleyClient
    bo: ParleyClient
    sender: str
    recipient: str
    path: Path
    narrator: Narrator
    deadline_s: float
    sha256: str = ""
    steps: list[Step] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    interrupted: Interrupted | None = None

    def note(self, what: str, seconds: float, size: int = 0) -> None:
        self.steps.append(Step(what, round(seconds * 1000, 1), size))

    def follow(self, what: str) -> Tell:
        """Shows the bytes that move; verifying and checking are told by their times."""

        def tell(progress: Progress) -> None:
            if progress.phase in ("uploading", "downloading"):
                self.narrator.progress(what, progress.done, progress.total)

        return tell


async def tell(url: str, narrator: Narrator, deadline_s: float, *, size: int = SIZE, verify: bool = True) -> FilesStory:
    """Play it against the gateway at `url`; what it made is gone afterwards, here and there."""
    with tempfile.TemporaryDirectory(prefix="parley-demo-") as folder:
        async with (
            a_user("ana", url, deadline_s, verify) as (ana, sender, password),
            a_user("bo", url, deadline_s, verify) as (bo, recipient, _),
        ):
            path = Path(folder) / "random.bin"
            play = Play(url, ana, bo, sender, recipient, path, narrator, deadline_s)
            play.sha256 = await asyncio.to_thread(_random_file, path, size)
            narrator.step(f"{sender} and {recipient} are registered. {sender} has a file of random bytes.")
            talk = await ana.open_conversation([recipient])
            try:
                await _both_times(play, talk.conversation_id, password)
            except TimeoutError:
                play.missing.append(f"no message within {deadline_s:g} s")
            finally:
                await _clean_up(play)
    return FilesStory(
        gateway=url,
        sender=sender,
        recipient=recipient,
        conversation_id=talk.conversation_id,
        size=size,
        sha256=play.sha256,
        steps=tuple(play.steps),
        interrupted=play.interrupted,
        missing=tuple(play.missing),
    )


async def _both_times(play: Play, conversation_id: str, password: str) -> None:
    async with play.bo.live(deadline_s=play.deadline_s) as live:
        await _caught_up(live, play.deadline_s)
        await _share(play, live, conversation_id, await _upload(play), "first")
        play.narrator.step("Once more, by `parley upload` as a process of its own, which is killed half-way.")
        resumed = await _upload_killed(play, password)
        await _share(play, live, conversation_id, resumed, "second")


async def _upload_killed(play: Play, password: str) -> StoredFile:
    upload = KilledUpload(play.url, play.sender, password, play.path)
    again = await upload.play(lambda done, of: play.narrator.progress("before the kill", done, of))
    play.note("uploaded slowly, killed half-way", again.killed_after_ms / 1000)
    play.note("the rest, by the same command", again.resumed_ms / 1000, again.bytes_sent)
    play.note("verified by the platform", again.verified_ms / 1000, play.path.stat().st_size)
    went = f"the same command, given again, sent {again.parts_sent} of {again.parts} parts"
    play.narrator.step(f"It was killed at {again.killed_at_percent} %; {went}.")
    play.missing += verdict(again)
    play.interrupted = again
    return await play.ana.files.get(again.file_id)


def verdict(interrupted: Interrupted) -> list[str]:
    """What did not go as promised with the resumed upload, in words."""
    if interrupted.parts == 1:
        return []  # goes in one request: there is nothing between nothing and all
    if not interrupted.resumed:
        return ["the upload that was killed did not resume, but began anew"]
    if interrupted.parts_kept == 0 or interrupted.parts_sent + interrupted.parts_kept != interrupted.parts:
        return [f"{interrupted.parts_sent} of {interrupted.parts} parts went again: not the missing ones alone"]
    return []


async def _upload(play: Play) -> StoredFile:
    made = await play.ana.files.upload(play.path, tell=play.follow("uploaded"))
    play.note("uploaded", made.transfer_s, made.bytes_sent)
    play.note("verified by the platform", made.verify_s, made.file.size)
    return made.file


async def _share(play: Play, live: LiveChat, conversation_id: str, file: StoredFile, which: str) -> None:
    """Sent, arrived with what is known of it, downloaded by the other, compared."""
    if file.sha256 != play.sha256:
        play.missing.append(f"the platform's checksum of the {which} upload is another")
    began = time.monotonic()
    accepted = await play.ana.send_file(conversation_id, file.file_id, f"the {which} one")
    arrived = await _arrived(live, accepted.message_id, play.deadline_s)
    play.note("sent, at the other's socket", time.monotonic() - began)
    shown = arrived.file
    if shown is None or (shown.file_id, shown.size, shown.sha256) != (file.file_id, file.size, play.sha256):
        play.missing.append(f"the {which} message came without what is known of its file")
    live.read(conversation_id, arrived.sequence_number)
    got = await play.bo.files.download(
        file.file_id,
        play.path.with_name(f"{which}.bin"),
        tell=play.follow(f"downloaded, {which}"),
    )
    play.note("downloaded by the other", got.transfer_s, got.bytes_received)
    here = await asyncio.to_thread(_sha256_of, Path(got.path))
    if here != play.sha256:
        play.missing.append(f"what came of the {which} download has another checksum")
    play.narrator.step(f"{play.recipient} has it, sha256 {here[:16]}…: {'the same' if here == play.sha256 else 'NOT'}.")


async def _caught_up(live: LiveChat, deadline_s: float) -> None:
    while not isinstance(await live.receive(deadline_s), CaughtUp):
        pass


async def _arrived(live: LiveChat, message_id: str, deadline_s: float) -> Arrived:
    while True:
        event = await live.receive(deadline_s)
        if isinstance(event, Arrived) and event.message_id == message_id:
            return event


async def _clean_up(play: Play) -> None:
    """They count for the quota of a user whom nobody will ever be again, and take room."""
    with suppress(ParleyError):
        async for file in play.ana.files.each():
            await play.ana.files.delete(file.file_id)


def _random_file(path: Path, size: int) -> str:
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for offset in range(0, size, BLOCK):
            block = os.urandom(min(BLOCK, size - offset))
            digest.update(block)
            file.write(block)
    return digest.hexdigest()


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
