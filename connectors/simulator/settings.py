"""What the simulator is told from outside: `PARLEY_SIMULATOR_…`, in the environment or the file of PARLEY_SETTINGS."""

import os
from pathlib import Path
from typing import Self

from pydantic import BaseModel
from pydantic_settings import BaseSettings, SettingsConfigDict


class MetaAccount(BaseModel):
    """A page or a professional account, with an app of its own."""

    id: str
    token: str
    app_id: str
    app_secret: str
    name: str = "Parley"


class WhatsAppNumber(BaseModel):
    """`id` is Meta's id of the number."""

    id: str
    token: str
    app_secret: str
    number: str = "15550783881"
    name: str = "Parley"


class Settings(BaseSettings):
    """`telegram_tokens`, `whatsapp_numbers`, `messenger_accounts`, `instagram_accounts` are there from the start."""

    model_config = SettingsConfigDict(env_prefix="PARLEY_SIMULATOR_", extra="ignore", frozen=True)

    host: str = "127.0.0.1"
    port: int = 8300
    telegram_tokens: tuple[str, ...] = ()
    whatsapp_numbers: tuple[WhatsAppNumber, ...] = ()
    messenger_accounts: tuple[MetaAccount, ...] = ()
    instagram_accounts: tuple[MetaAccount, ...] = ()
    any_url: bool = True
    """Webhooks may be plain HTTP on any port; false is as strict as the public platform."""
    verify: bool = False
    """Whether the certificate of a webhook is checked; development's are of its own making."""
    memory_file: Path | None = None
    """Where accounts, webhooks and people outlive the process; without it they do not."""
    webhook_timeout_s: float = 60.0
    most_messages: int = 20_000
    most_entries: int = 20_000
    most_updates: int = 20_000
    disk_bytes: int = 256 * 1024 * 1024

    @classmethod
    def load(cls) -> Self:
        return cls(_env_file=os.environ.get("PARLEY_SETTINGS"))  # type: ignore[call-arg]
