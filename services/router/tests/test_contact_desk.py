"""What operators do with contacts: previews, merging and unmerging that may be repeated, the audit."""

from datetime import UTC, datetime

import pytest

from libs.common.clock import new_id
from libs.common.errors import Problem
from libs.common.identities import Met
from libs.common.mongo import Database
from libs.common.tests.scans import BY_A_TEST
from services.router.operators.contacts import ContactDesk, Merging
from services.router.operators.handlers import Audit
from services.router.operators.store import AuditLog
from services.router.people import Everybody

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
TEA, PHONE = "telegram:42", "whatsapp:43"
USERS: dict[tuple[str, str], str] = {("telegram", "7"): "bo"}


@pytest.fixture
async def desk(database: Database) -> ContactDesk:
    """Tea is on Telegram and on WhatsApp; 7 on Telegram is a user of ours."""
    everybody = Everybody(database)
    await everybody.meet([Met("telegram", "42", (), "Tea", NOON), Met("whatsapp", "43", ("US.1",), "Tea B.", NOON)])
    await everybody.meet([Met("telegram", "7", (), "Bo", NOON)])
    return ContactDesk(everybody, lambda *address: USERS.get(address), Audit(AuditLog(database)))


async def audited(database: Database) -> list[tuple[str, str, str]]:
    found = database["audit"].find(comment=BY_A_TEST).sort("_id", 1)
    return [(d["action"], d["on"], d["outcome"]) async for d in found]


def codes(found: Merging) -> list[tuple[str, bool]]:
    return [(o.code, o.blocking) for o in found.objections]


def code(refused: pytest.ExceptionInfo[Problem]) -> tuple[int, str]:
    return refused.value.status, refused.value.code


async def test_a_preview_shows_what_it_would_bring_and_changes_nothing(desk: ContactDesk, database: Database) -> None:
    members = ["ana", TEA]
    await database["conversations"].insert_one({"_id": new_id(), "type": "private", "title": None, "members": members})
    before = await desk.show("op", TEA)
    found = await desk.preview(TEA, "whatsapp:US.1")
    assert (found.outcome, found.person.name, codes(found)) == ("preview", TEA, [])
    assert [c.name for c in found.person.contacts] == [TEA, PHONE]
    assert found.person.addresses == {"telegram": "42", "whatsapp": "43"}
    assert [c.members for c in found.conversations] == [members]
    assert await desk.show("op", TEA) == before


async def test_merging_and_unmerging_may_be_repeated_and_are_audited(desk: ContactDesk, database: Database) -> None:
    before = await desk.show("op", PHONE)
    assert [(await desk.merge("op", TEA, PHONE)).outcome for _ in range(2)] == ["merged", "already_merged"]
    merged = await desk.show("op", PHONE)
    assert (merged.name, merged.contacts[0].merged and merged.contacts[0].merged.by) == (TEA, "op")
    assert [(await desk.unmerge("op", PHONE)).outcome for _ in range(2)] == ["unmerged", "not_merged"]
    assert await desk.show("op", PHONE) == before
    done = [entry for entry in await audited(database) if entry[0] != "contacts.show"]
    assert done == [
        ("contacts.merge", PHONE, "merged"),
        ("contacts.merge", PHONE, "already_merged"),
        ("contacts.unmerge", PHONE, "unmerged"),
        ("contacts.unmerge", PHONE, "not_merged"),
    ]


async def test_what_is_a_users_is_not_merged(desk: ContactDesk, database: Database) -> None:
    assert codes(await desk.preview(PHONE, "telegram:7")) == [("is_users", True)]
    with pytest.raises(Problem) as refused:
        await desk.merge("op", PHONE, "telegram:7")
    assert code(refused) == (409, "cannot_merge")
    assert (await audited(database))[-1] == ("contacts.merge", "telegram:7", "failed")


async def test_who_is_merged_is_unmerged_before_they_become_another(desk: ContactDesk) -> None:
    await desk.merge("op", TEA, PHONE)
    with pytest.raises(Problem) as round_about:
        await desk.merge("op", PHONE, TEA)
    assert code(round_about) == (409, "cannot_merge")
    await desk.everybody.meet([Met("messenger", "9", (), "Tea", NOON)])
    with pytest.raises(Problem) as elsewhere:
        await desk.merge("op", "messenger:9", PHONE)
    assert code(elsewhere) == (409, "cannot_merge")
    assert (await desk.merge("op", PHONE, "messenger:9")).person.name == TEA


async def test_what_the_platform_says_is_not_undone(desk: ContactDesk) -> None:
    await desk.everybody.meet([Met("whatsapp", "44", (), "Tea", NOON)])
    await desk.everybody.meet([Met("whatsapp", "44", ("US.1",), "Tea", NOON)])
    contacts = (await desk.show("op", "whatsapp:44")).contacts
    (merged,) = [c for c in contacts if c.merged]
    with pytest.raises(Problem) as refused:
        await desk.unmerge("op", merged.name)
    assert code(refused) == (409, "merged_by_platform")


async def test_a_contact_that_there_is_not_is_404(desk: ContactDesk) -> None:
    for call in (desk.show("op", "telegram:1"), desk.preview(TEA, "telegram:1"), desk.unmerge("op", "x")):
        with pytest.raises(Problem) as refused:
            await call
        assert code(refused) == (404, "not_found")


async def test_contacts_come_page_by_page(desk: ContactDesk) -> None:
    first = await desk.page("op", None, 2, None)
    rest = await desk.page("op", None, 2, first.next_cursor)
    assert [c.name for c in (*first.items, *rest.items)] == [TEA, "telegram:7", PHONE]
    assert [i.user for c in first.items for i in c.identities] == [None, "bo"]
    assert rest.next_cursor is None
    assert [c.name for c in (await desk.page("op", "whatsapp", 50, None)).items] == [PHONE]
