"""What the router is told from outside."""

from libs.common.settings import CommonSettings


class Settings(CommonSettings):
    router_port: int = 8203
