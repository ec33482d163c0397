"""What auth is told from outside."""

from pathlib import Path

from libs.common.settings import CommonSettings


class Settings(CommonSettings):
    auth_port: int = 8201
    keys: Path = Path(".local/secrets/keys")
