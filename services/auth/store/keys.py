"""The folder of keys that sign access tokens."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import ECAlgorithm

from libs.common.auth import ALGORITHM, AUDIENCE, ISSUER
from libs.common.errors import Unavailable

LOOK_EVERY_S = 2.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Keys:
    kid: str
    private: EllipticCurvePrivateKey
    public: Mapping[str, EllipticCurvePublicKey]
    jwks: bytes


class KeyRing:
    """The keys of a folder: every `<kid>.pem` is published, the one that the file `current` names signs.

    The folder is looked at again at most every 2 s, when it is needed. One that cannot be read (half of a rotation is
    written) changes nothing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
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
            {"iss": ISSUER, "aud": AUDIENCE, **claims}, keys.private, algorithm=ALGORITHM, headers={"kid": keys.kid}
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
                self._keys = _load(self._folder)
                self._seen = seen
        except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
            log.warning("the keys in %s are not taken: %s", self._folder, error)


def _load(folder: Path) -> _Keys:
    private = {file.stem: _private_key(file) for file in sorted(folder.glob("*.pem"))}
    kid = (folder / "current").read_text().strip()
    if kid not in private:
        raise ValueError(f"`current` names {kid}, there is no {kid}.pem")
    public = {name: key.public_key() for name, key in private.items()}
    jwks = msgspec.json.encode({"keys": [_public_jwk(name, key) for name, key in public.items()]})
    return _Keys(kid, private[kid], public, jwks)


def _private_key(file: Path) -> EllipticCurvePrivateKey:
    key = load_pem_private_key(file.read_bytes(), password=None)
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise ValueError(f"{file.name} is no key for {ALGORITHM}")
    return key


def _public_jwk(kid: str, key: EllipticCurvePublicKey) -> dict[str, Any]:
    return ECAlgorithm.to_jwk(key, as_dict=True) | {"kid": kid, "use": "sig", "alg": ALGORITHM}
