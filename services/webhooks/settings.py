"""What webhooks is told from outside."""

from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated

from pydantic import Field

from libs.common.installation import InstallationSettings
from services.webhooks.outgoing.domain.retrying import DEFAULT_S

Wait = Annotated[float, Field(ge=0, le=7 * 86_400)]


class Settings(InstallationSettings):
    webhooks_port: int = 8207
    public_url: str = ""
    """Where platforms reach the gateway. Empty: none is told where to send updates, and those that know still may."""
    webhooks_http: bool = False
    """Whether third parties may be called without TLS."""
    webhooks_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Those that may be called though they are not public."""
    webhooks_schedule_s: Annotated[tuple[Wait, ...], Field(max_length=50)] = DEFAULT_S
    """Waits between the attempts; the first attempt is at once, so that two waits make three attempts."""
    webhooks_patience: timedelta = timedelta(days=5)
    """Who has failed for so long is disabled."""
    webhooks_per_user: Annotated[int, Field(ge=1, le=1_000)] = 20
