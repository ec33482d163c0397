"""What the frontend is told from outside."""

from libs.common.settings import CommonSettings


class Settings(CommonSettings):
    frontend_port: int = 8202
