"""A node that never looks whether it has missed an announcement."""

from libs.common.process import run
from services.presence import main
from services.presence.handlers.devices import Device
from services.presence.settings import Settings


def fall_behind(self: Device, offset: int, cause: str) -> None:
    pass


if __name__ == "__main__":
    Device.fall_behind = fall_behind  # type: ignore[method-assign]
    settings = Settings.load()
    run("presence", settings, lambda stop: main.main(settings, stop))
