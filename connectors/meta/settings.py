"""What an account on any of Meta's platforms is told from outside."""

from typing import Annotated, ClassVar

from msgspec import Meta, Struct

Positive = Annotated[float, Meta(gt=0)]
Secret = Annotated[str, Meta(min_length=1, max_length=1024)]


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`app_secret` is the key of the app's signatures; `verify_token` is made up, and proves a handshake.

    `base_url` is another one for the simulator. `max_file_bytes` beats the registry's limit.
    """

    switch: ClassVar[str] = "access_token"

    access_token: Annotated[str, Meta(pattern=r"^[!-~]{1,1024}$")]
    app_secret: Secret
    verify_token: Secret
    api_version: Annotated[str, Meta(pattern=r"^v[0-9]{1,3}\.[0-9]{1,2}$")] = "v25.0"
    base_url: str = "https://graph.facebook.com"
    timeout_s: Positive = 10.0
    max_file_bytes: Annotated[int, Meta(ge=1)] | None = None

    def __repr__(self) -> str:
        return f"Settings({self.api_version} at {self.base_url})"
