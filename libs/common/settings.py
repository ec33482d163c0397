"""What every process is told from outside: `PARLEY_…` in the environment, else in the file named by PARLEY_SETTINGS."""

import os
from typing import Self

from pydantic_settings import BaseSettings, SettingsConfigDict


class CommonSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="PARLEY_", extra="ignore", frozen=True)

    host: str = "127.0.0.1"
    kafka: str = "127.0.0.1:8110"
    mongo: str = "mongodb://127.0.0.1:8120/?replicaSet=rs0"
    mongo_database: str = "parley"
    redis: str = "redis://127.0.0.1:8130/0"
    etcd: str = "127.0.0.1:8140"
    auth_url: str = "http://127.0.0.1:8201"
    topic_prefix: str = ""
    log_level: str = "info"

    @classmethod
    def load(cls) -> Self:
        """The environment beats the file; a value of the wrong form raises pydantic's `ValidationError`."""
        return cls(_env_file=os.environ.get("PARLEY_SETTINGS"))  # type: ignore[call-arg]
