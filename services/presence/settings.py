"""What presence is told from outside."""

from libs.common.settings import CommonSettings


class Settings(CommonSettings):
    presence_port: int = 8204
    presence_ws_port: int = 8205
    allowed_origins: tuple[str, ...] = ()
    """Pages from elsewhere that may open a socket. The gateway's own always may; other clients send no origin."""
    presence_life_s: float = 45.0
    """For so long a node's users stay online when it dies; it renews that three times in it."""
