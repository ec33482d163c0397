"""A router that takes every update for something new, whatever message of the platform it tells of."""

from libs.common.clock import new_id
from libs.common.process import run
from services.router import main
from services.router.inbound import MessageIds
from services.router.settings import Settings
from tests.ledger.broken.instead import put


class Forgetful(MessageIds):
    def of(self, channel: str, account: str, external_id: str) -> str:
        return new_id()


if __name__ == "__main__":
    put("services.router.wiring.inbound", MessageIds=Forgetful)
    settings = Settings.load()
    run("router", settings, lambda stop: main.main(settings, stop))
