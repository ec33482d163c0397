"""The folder of keys that sign access tokens: read by every process of auth, written by the administrator's command."""

import contextlib
import fcntl
import logging
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from jwt.algorithms import ECAlgorithm

from libs.common.auth import AUDIENCE, ISSUER
from libs.common.clock import now
from libs.common.errors import Unavailable
from libs.common.jwks import ALGORITHM
from services.auth.domain import keys as rules

LOOK_EVERY_S = rules.LOOKED_AT.total_seconds()

log = logging.getLogger(__name__)


class KeyFolder:
    """`<key id>.pem`, PKCS8; a key comes and goes whole, and nothing but its file says that it is there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def key_ids(self) -> list[str]:
        return [file.stem for file in self._folder.glob("*.pem")]

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One writer at a time."""
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
            os.fsync(folder)
        finally:
            os.close(folder)

    def add(self, key_id: str) -> None:
        """Never readable by others, not even for a moment."""
        private = generate_private_key(SECP256R1())
        fresh = self._folder / f"{key_id}.new"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._folder / f"{key_id}.pem")

    def remove(self, key_id: str) -> None:
        (self._folder / f"{key_id}.pem").unlink()

    def sweep(self) -> None:
        """What an interrupted `add` left. Under the lock."""
        for file in self._folder.glob("*.new"):
            file.unlink()


@dataclass(frozen=True, slots=True)
class _Keys:
    """What holds at one moment."""

    key_id: str
    private: EllipticCurvePrivateKey
    public: Mapping[str, EllipticCurvePublicKey]
    jwks: bytes


class KeyRing:
    """The keys of a folder at work: which of them sign and verify changes with the time, see `domain/keys.py`.

    The folder is looked at again at most every 2 s, when it is needed. One that cannot be read changes nothing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._private: Mapping[str, EllipticCurvePrivateKey] = {}
        self._keys: _Keys | None = None
        self._seen: object = None
        self._looked_at = float("-inf")

    async def check(self) -> None:
        """For readiness: there is a key that signs."""
        self._current()

    def jwks(self) -> bytes:
        return self._current().jwks

    def sign(self, claims: Mapping[str, Any]) -> str:
        keys = self._current()
        return jwt.encode(
            {"iss": ISSUER, "aud": AUDIENCE, **claims}, keys.private, algorithm=ALGORITHM, headers={"kid": keys.key_id}
        )

    def session_id(self, access_token: str) -> str | None:
        """Of a token that we have signed, whether it has expired or not; None for any other words."""
        try:
            key = self._current().public.get(str(jwt.get_unverified_header(access_token).get("kid")))
            if key is None:
                return None
            claims = jwt.decode(
                access_token,
                key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"require": ["sid"], "verify_exp": False},
            )
        except (jwt.PyJWTError, TypeError, ValueError):
            return None
        return str(claims["sid"])

    def _current(self) -> _Keys:
        if self._keys is None or time.monotonic() - self._looked_at > LOOK_EVERY_S:
            self._look()
        if self._keys is None:
            raise Unavailable("keys", f"no key that signs in {self._folder}")
        return self._keys

    def _look(self) -> None:
        self._looked_at = time.monotonic()
        try:
            seen = sorted((file.name, file.stat().st_ctime_ns) for file in self._folder.iterdir())
            if seen != self._seen:
                self._private = {file.stem: _private_key(file) for file in self._folder.glob("*.pem")} or self._private
                self._seen = seen
        except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
            log.warning("the keys in %s are not taken: %s", self._folder, error)
        self._keys = _at_work(self._private)


def _at_work(private: Mapping[str, EllipticCurvePrivateKey]) -> _Keys | None:
    at = now()
    key_id = rules.signing(private, at)
    if key_id is None:
        return None
    public = {term.key_id: private[term.key_id].public_key() for term in rules.needed(private, at)}
    jwks = msgspec.json.encode({"keys": [_public_jwk(name, key) for name, key in public.items()]})
    return _Keys(key_id, private[key_id], public, jwks)


def _private_key(file: Path) -> EllipticCurvePrivateKey:
    key = load_pem_private_key(file.read_bytes(), password=None)
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise ValueError(f"{file.name} is no key for {ALGORITHM}")
    return key


def _public_jwk(key_id: str, key: EllipticCurvePublicKey) -> dict[str, Any]:
    return ECAlgorithm.to_jwk(key, as_dict=True) | {"kid": key_id, "use": "sig", "alg": ALGORITHM}
