"""One database for many tests: what each leaves is taken out, for collections and indexes take long to make."""

import asyncio

from libs.common import schema
from libs.common.mongo import Database
from libs.common.tests.scans import BY_A_TEST


async def empty(database: Database) -> None:
    """The collections of the product stay, with their indexes and without documents; others go."""
    there = set(await database.list_collection_names(filter={"name": {"$not": {"$regex": "^system[.]"}}}))
    await asyncio.gather(*(database[name].delete_many({}, comment=BY_A_TEST) for name in there & schema.INDEXES.keys()))
    for name in there - schema.INDEXES.keys() - {"schema"}:
        await database.drop_collection(name)
    await database["schema"].replace_one({"_id": "schema"}, {"version": schema.VERSION}, upsert=True)
