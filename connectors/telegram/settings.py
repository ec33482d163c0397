"""What one Telegram bot is told from outside."""

from typing import Annotated, ClassVar

from msgspec import Meta, Struct

Positive = Annotated[float, Meta(gt=0)]


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`base_url` is another one for the simulator, and for a Bot API server of one's own.

    `max_file_bytes` beats the registry's limit: such a server takes files of up to 2,000 MB.
    """

    switch: ClassVar[str] = "token"

    token: Annotated[str, Meta(pattern=r"^[0-9]+:[A-Za-z0-9_-]+$")]
    webhook_secret: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,256}$")]
    base_url: str = "https://api.telegram.org"
    timeout_s: Positive = 10.0
    max_connections: Annotated[int, Meta(ge=1, le=100)] = 40
    max_file_bytes: Annotated[int, Meta(ge=1)] | None = None

    @property
    def bot_id(self) -> str:
        """A token begins with it."""
        return self.token.partition(":")[0]

    def __repr__(self) -> str:
        return f"Settings(bot {self.bot_id} at {self.base_url})"
