"""What the router is told from outside."""

from collections.abc import Collection
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from libs.common.installation import InstallationSettings
from libs.common.storage_settings import StorageSettings
from services.router.retrying import LIVES

ROLES = ("messages", "receipts", "inbound", "channels", "operators")


class Settings(StorageSettings, InstallationSettings):
    router_port: int = 8203
    router_roles: str = ",".join(ROLES)
    """What this process does, by commas; all of it by default."""

    files_internal_url: str = "http://127.0.0.1:8216"
    """Where the service of files takes what people on platforms send."""

    webhooks_url: str = "http://127.0.0.1:8207"
    """Where the service webhooks answers inside: it knows which platforms know where our webhook is."""

    inbox_user: str = ""
    """Who gets what people on platforms write first, to nobody. Empty, or without an account: it is quarantined."""

    delivery_lives_h: Annotated[float, Field(gt=0, le=24 * 365)] = LIVES / timedelta(hours=1)
    """For so many hours a delivery to a platform is tried; then it is FAILED, `expired`, and a dead letter."""

    @property
    def roles(self) -> Collection[str]:
        """Raises `ValueError` for one that there is not."""
        roles = [role.strip() for role in self.router_roles.split(",")]
        if unknown := set(roles) - set(ROLES):
            raise ValueError(f"router_roles: there is no {', '.join(sorted(unknown))}; there are {', '.join(ROLES)}")
        return roles
