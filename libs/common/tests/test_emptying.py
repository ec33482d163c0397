"""What one test leaves in the database meets no other."""

from libs.common import schema
from libs.common.mongo import Database
from libs.common.tests.emptying import empty


async def test_documents_and_collections_of_a_test_are_gone_and_indexes_stay(database: Database) -> None:
    before = await database["messages"].index_information()
    await database["messages"].insert_one({"_id": "a", "conversation_id": "c", "sequence_number": 1})
    await database["of_a_test"].insert_one({"_id": "a"})
    await database["schema"].update_one({"_id": "schema"}, {"$set": {"version": schema.VERSION + 1}})
    await empty(database)
    assert await database["messages"].find_one("a") is None
    assert "of_a_test" not in await database.list_collection_names()
    assert await database["messages"].index_information() == before
    assert await database["schema"].find_one("schema") == {"_id": "schema", "version": schema.VERSION}
