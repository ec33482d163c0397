"""Where the command keeps its sessions: a file for each user of each gateway, readable by its owner alone."""

import asyncio
import fcntl
import hashlib
import os
import re
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from clients.parley.errors import ParleyError
from clients.parley.session import Grant

NAME = re.compile(r"[a-z][a-z0-9._-]{2,63}")
LOCK_S = 10.0
LOOK_S = 0.05
BOOKMARK_S = 2 * 86400.0  # the platform sweeps an upload that nobody completed after a day


class NoSessionError(ParleyError):
    """Nobody is logged in, or the session file cannot be used; the words say what to do."""


class Kept(msgspec.Struct, frozen=True):
    """What a session file holds."""

    username: str
    url: str
    grant: Grant | None = None


@dataclass(frozen=True)
class Profile:
    """One session file; also the `Keeper` of the client, so that processes that share it renew tokens in turn."""

    path: Path
    username: str
    url: str

    def load(self) -> Grant | None:
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=Kept).grant
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            hint = f"`parley login {self.username}` makes it anew"
            raise NoSessionError(f"The session file {self.path} cannot be read ({_words(error)}): {hint}.") from error

    def save(self, grant: Grant | None) -> None:
        """Whole or not at all; others see the old session or the new one."""
        if grant is None:
            self.path.unlink(missing_ok=True)
            return
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=".session-")
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.encode(Kept(self.username, self.url, grant)))
            Path(name).replace(self.path)
        except OSError as error:
            raise NoSessionError(f"The session cannot be kept in {self.path} ({_words(error)}).") from error

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        """Alone among the processes of this machine; raises after 10 s of waiting."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            await _lock(handle)
            yield
        finally:
            os.close(handle)


async def _lock(handle: int) -> None:
    end = time.monotonic() + LOCK_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() > end:
                raise ParleyError("another process is renewing this session and does not finish") from error
        await asyncio.sleep(LOOK_S)


def named(username: str, url: str, environment: Mapping[str, str]) -> Profile:
    """The profile of that user at that gateway, whether there is a session or not."""
    if not NAME.fullmatch(username):
        raise NoSessionError("A username is 3 to 64 of a-z 0-9 . _ - and starts with a letter.")
    return Profile(_folder(url, environment) / f"{username}.json", username, url)


def chosen(as_user: str | None, url: str, environment: Mapping[str, str]) -> Profile:
    """Who the command speaks for: `--as`, PARLEY_PROFILE, else the one who logged in last at this gateway."""
    username = as_user or environment.get("PARLEY_PROFILE")
    if username is None:
        with suppress(OSError):
            username = (_folder(url, environment) / "last").read_text().strip()
    if not username:
        raise NoSessionError(f"Nobody is logged in at {url}: `parley login USER`.")
    profile = named(username, url, environment)
    if profile.load() is None:
        raise NoSessionError(f"{username} is not logged in at {url}: `parley login {username}`.")
    return profile


def choose(profile: Profile) -> None:
    """From now on commands without `--as` speak for this user."""
    with suppress(OSError):
        (profile.path.parent / "last").write_text(profile.username)


def bookmark(file: Path, username: str, url: str, environment: Mapping[str, str]) -> Path:
    """Where the upload of that file, by that user, stands. Those that nobody went on with in time are gone."""
    name = hashlib.sha256(os.fsencode(file.absolute())).hexdigest()[:32]
    folder = _folder(url, environment) / "uploads" / username
    for old in folder.glob("*.json"):
        with suppress(OSError):
            if old.stat().st_mtime < time.time() - BOOKMARK_S:
                old.unlink()
    return folder / f"{name}.json"


def _folder(url: str, environment: Mapping[str, str]) -> Path:
    """One for each gateway: the same name at another is another user."""
    home = environment.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(home) / "parley" / re.sub(r"[^A-Za-z0-9.-]+", "_", url)


def _words(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else "it is damaged"
