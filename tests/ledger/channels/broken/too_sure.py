"""A router that sends again what may have arrived, and does not say so."""

from libs.common.events import DeliveryError
from libs.common.process import run
from services.router import main
from services.router.outbox import Outbox
from services.router.retrying import Attempts
from services.router.settings import Settings
from tests.ledger.broken.instead import put


class TooSure(Outbox):
    async def end_attempt(
        self, delivery: str, error: DeliveryError | None, *, counted: bool, uncertain: bool, unknown: bool = False
    ) -> Attempts:
        return await super().end_attempt(delivery, error, counted=counted, uncertain=False, unknown=unknown)


if __name__ == "__main__":
    put("services.router.wiring.channels", Outbox=TooSure)
    settings = Settings.load()
    run("router", settings, lambda stop: main.main(settings, stop))
