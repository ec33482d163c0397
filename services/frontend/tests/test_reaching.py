"""Who can be reached where: the account that would write, and the windows that a conversation shows."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import pytest

from libs.common.clock import now, rfc3339
from libs.common.configured import Accounts
from libs.common.contacts import contact_id, read_contacts
from libs.common.errors import Unavailable
from libs.common.mongo import Database
from libs.common.people import addresses_of
from libs.common.routing import Addresses
from services.frontend.reaching import Reaching, WindowView
from services.frontend.tests.conftest import Caller, Scene

ADDRESSES = {"bo": {"whatsapp": "16505551234", "telegram": "42"}}
ACCOUNTS = {"whatsapp": ["first", "second"]}


def reaching(database: Database, addresses: Addresses | None = ADDRESSES, accounts: Accounts = ACCOUNTS) -> Reaching:
    return Reaching(
        lambda: addresses, lambda: accounts, partial(addresses_of, database), partial(read_contacts, database)
    )


async def wrote(
    database: Database, account: str, hours_ago: float, channel: str = "whatsapp", address: str = "16505551234"
) -> str:
    """When their window closes."""
    at = now() - timedelta(hours=hours_ago)
    await database["contacts"].insert_one({"_id": contact_id((channel, account, address)), "wrote_at": at})
    return rfc3339(at + timedelta(hours=24))


async def test_a_window_is_that_of_the_account_which_would_write(database: Database) -> None:
    await wrote(database, "first", 30)
    expires_at = await wrote(database, "second", 3)
    assert await reaching(database).windows(["bo"]) == [WindowView("bo", "whatsapp", True, expires_at, None)]
    ((_, account, *_),) = await reaching(database).look(["bo"], ["whatsapp"])
    assert account == "second"


@pytest.mark.parametrize("accounts", [ACCOUNTS, {}])
async def test_who_has_never_written_has_a_closed_one(database: Database, accounts: Accounts) -> None:
    views = await reaching(database, accounts=accounts).windows(["bo"])
    assert views == [WindowView("bo", "whatsapp", False, None, None)]


async def test_a_contact_has_the_window_of_its_address(database: Database) -> None:
    expires_at = await wrote(database, "first", 25)
    views = await reaching(database).windows(["whatsapp:16505551234", "telegram:7", "cy"])
    assert views == [WindowView("whatsapp:16505551234", "whatsapp", False, expires_at, None)]


@pytest.mark.parametrize(("hours_ago", "is_open"), [(25, False), (3, True)])
async def test_where_people_answer_it_is_said_how_long_they_may(
    database: Database, hours_ago: float, is_open: bool
) -> None:
    """What holds for everybody is said as everywhere."""
    expires_at = await wrote(database, "care", hours_ago, "messenger", "98765432101")
    until = rfc3339(datetime.fromisoformat(expires_at) + timedelta(days=6))
    bo, there = {"bo": {"messenger": "98765432101"}}, {"messenger": ["care"]}
    views = await replace(reaching(database, bo, there), for_people=lambda: there).windows(["bo"])
    assert views == [WindowView("bo", "messenger", is_open, expires_at, until)]
    everywhere = WindowView("bo", "messenger", is_open, expires_at, None)
    assert await reaching(database, bo, there).windows(["bo"]) == [everywhere]


async def test_while_addresses_are_not_known_nothing_is_claimed(database: Database) -> None:
    assert await reaching(database, None).windows(["bo"]) is None
    with pytest.raises(Unavailable):
        await reaching(database, None).look(["bo"], ["whatsapp"])


async def test_a_conversation_shows_them_where_it_is_asked_for_alone(scene: Scene, ana: Caller, bo: Caller) -> None:
    """Here nobody has told who can be reached yet."""
    conversation_id = await ana.open(scene.name("bo"))
    shown = (await ana.get(f"/v1/conversations/{conversation_id}")).json()
    assert shown["windows"] is None
    (listed,) = (await ana.get("/v1/conversations")).json()["items"]
    assert "windows" not in listed
