"""A router that takes every record for a new one, and gives it an id of its own where that is in use."""

from collections.abc import Sequence

from libs.common.clock import new_id
from libs.common.mongo import Document
from libs.common.process import run
from services.router import main, store
from services.router.domain import Known
from services.router.settings import Settings
from tests.ledger.broken.instead import put


class Forgetful(store.Store):
    async def known(self, message_ids: Sequence[str]) -> dict[str, Known]:
        return {}

    async def insert_messages(self, documents: Sequence[Document]) -> None:
        known = await super().known([d["_id"] for d in documents])
        await super().insert_messages([{**d, "_id": new_id()} if d["_id"] in known else d for d in documents])


if __name__ == "__main__":
    put("services.router.wiring.messages", Store=Forgetful)
    settings = Settings.load()
    run("router", settings, lambda stop: main.main(settings, stop))
