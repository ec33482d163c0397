"""URLs that carry their own permission: S3's signature (version 4) in the query, binding headers too."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import quote, urlsplit

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
LONGEST = timedelta(days=7)


@dataclass(frozen=True)
class Signer:
    """`path_style`: the bucket is the first part of the path, else of the host's name."""

    url: str
    bucket: str
    region: str
    access_key: str
    secret_key: str = field(repr=False)
    path_style: bool = True

    def presign(
        self,
        method: str,
        key: str,
        at: datetime,
        lifetime: timedelta,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """Good from `at` (aware) on for `lifetime`, and only for a request that has exactly these `headers`."""
        base, host, path = self._address(key)
        stamp = at.strftime("%Y%m%dT%H%M%SZ")
        scope = f"{stamp[:8]}/{self.region}/s3/aws4_request"
        bound = {"host": host} | {name.lower(): value for name, value in (headers or {}).items()}
        names = ";".join(sorted(bound))
        asked = dict(query or {}) | {
            "X-Amz-Algorithm": ALGORITHM,
            "X-Amz-Credential": f"{self.access_key}/{scope}",
            "X-Amz-Date": stamp,
            "X-Amz-Expires": str(int(min(lifetime, LONGEST).total_seconds())),
            "X-Amz-SignedHeaders": names,
        }
        words = "&".join(f"{_escaped(name)}={_escaped(value)}" for name, value in sorted(asked.items()))
        lines = "".join(f"{name}:{bound[name]}\n" for name in sorted(bound))
        canonical = "\n".join([method, path, words, lines, names, UNSIGNED])
        to_sign = "\n".join([ALGORITHM, stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        return f"{base}{path}?{words}&X-Amz-Signature={self._signature(to_sign, scope)}"

    def _address(self, key: str) -> tuple[str, str, str]:
        """(scheme and host, host, path); a prefix in the path of the server's own URL is kept."""
        parts = urlsplit(self.url)
        prefix = parts.path.rstrip("/")
        if self.path_style:
            host, path = parts.netloc, f"{prefix}/{self.bucket}/{key}"
        else:
            host, path = f"{self.bucket}.{parts.netloc}", f"{prefix}/{key}"
        return f"{parts.scheme}://{host}", host, quote(path, safe="/-_.~")

    def _signature(self, to_sign: str, scope: str) -> str:
        key = f"AWS4{self.secret_key}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        return hmac.digest(key, to_sign.encode(), "sha256").hex()


def _escaped(text: str) -> str:
    return quote(text, safe="-_.~")
