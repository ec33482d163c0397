"""The secret of an installation: made once, known to its services alone; what is derived of it, and its proof."""

import asyncio
import hmac
import logging
from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict
from pymongo import ReturnDocument

from libs.common.errors import Unavailable
from libs.common.mongo import Database, answering
from libs.common.settings import CommonSettings

AGAIN_S = 0.5
ANOTHER = (
    "PARLEY_INSTALLATION_SECRET is not the one that this installation began with: this process would give other ids to "
    "what comes from platforms, and be refused by the other services. Give it the secret that they have. If that is "
    "lost for good, stop all services, delete the document 'secret' of the collection 'installation' in MongoDB and "
    "start them all with one new secret: webhooks of third parties then have to be registered anew."
)

log = logging.getLogger(__name__)


class InstallationSettings(CommonSettings):
    """Of services that need the secret: without it they do not start. It is the same for all, and for ever."""

    model_config = SettingsConfigDict(hide_input_in_errors=True)

    installation_secret: Annotated[SecretStr, Field(min_length=32)]


def derived(secret: SecretStr, purpose: str) -> bytes:
    """32 bytes for each purpose: who learns these knows neither the secret nor those of another purpose."""
    return hmac.digest(secret.get_secret_value().encode(), purpose.encode(), "sha256")


async def proven(database: Database, secret: SecretStr, stop: asyncio.Event) -> None:
    """Returns when it is known to be the installation's secret, or `stop` is set; waits for MongoDB.

    The first process that comes leaves the proof. Another secret ends the process, and the log says what to do.
    """
    while not stop.is_set():
        try:
            if await _is_the_one(database, derived(secret, "proof").hex()):
                return
        except Unavailable as reason:
            log.warning("whether PARLEY_INSTALLATION_SECRET is right is not known yet: %s", reason)
            await asyncio.sleep(AGAIN_S)
        else:
            log.critical("%s", ANOTHER)
            raise SystemExit(1)


async def _is_the_one(database: Database, proof: str) -> bool:
    with answering():
        first = await database["installation"].find_one_and_update(
            {"_id": "secret"}, {"$setOnInsert": {"proof": proof}}, upsert=True, return_document=ReturnDocument.AFTER
        )
    return first is not None and hmac.compare_digest(first["proof"], proof)
