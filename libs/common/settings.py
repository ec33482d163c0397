"""What every process is told from outside: `PARLEY_…` in the environment, else in the file named by PARLEY_SETTINGS."""

import os
from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class CommonSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="PARLEY_", extra="ignore", frozen=True, env_nested_delimiter="__")

    host: str = "127.0.0.1"
    kafka: str = "127.0.0.1:8110"
    mongo: str = "mongodb://127.0.0.1:8120/?replicaSet=rs0"
    mongo_database: str = "parley"
    redis: str = "redis://127.0.0.1:8130/0"
    etcd: str = "127.0.0.1:8140"
    auth_url: str = "http://127.0.0.1:8201"
    topic_prefix: str = ""
    log_level: str = "info"
    channels: Mapping[str, Mapping[str, Mapping[str, str]]] = {}
    """Accounts on platforms: `PARLEY_CHANNELS__<CHANNEL>__<ACCOUNT>__<SETTING>`."""
    otlp_url: str = ""
    """The receiver of traces, OTLP over HTTP: `http://host:4318`. Empty: nothing is recorded."""
    trace_ratio: Annotated[float, Field(ge=0, le=1)] = 0.01
    """The share of all traffic that is recorded, where there is a receiver."""

    @classmethod
    def load(cls) -> Self:
        """The environment beats the file; a value of the wrong form raises pydantic's `ValidationError`."""
        return cls(_env_file=os.environ.get("PARLEY_SETTINGS"))  # type: ignore[call-arg]
