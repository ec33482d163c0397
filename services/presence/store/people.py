"""Who shares a conversation with whom."""

from collections.abc import Sequence

from libs.common.mongo import Database, answering

CONVERSATIONS = 200
PEOPLE = 1_000


class People:
    def __init__(self, database: Database) -> None:
        self._conversations = database["conversations"]

    async def near(self, username: str) -> list[str]:
        """The others of the newest conversations, at most `PEOPLE`: who is told of a change."""
        with answering():
            found = self._conversations.find({"members": username}, {"_id": 0, "members": 1})
            newest = await found.sort([("last_activity", -1), ("_id", -1)]).limit(CONVERSATIONS).to_list()
        others = dict.fromkeys(name for conversation in newest for name in conversation["members"] if name != username)
        return list(others)[:PEOPLE]

    async def known_to(self, username: str, asked: Sequence[str]) -> list[str]:
        """Those of `asked` who share any conversation with the user, and the user, in the order asked."""
        known = {username}
        with answering():
            found = await self._conversations.aggregate(
                [
                    {"$match": {"$and": [{"members": username}, {"members": {"$in": list(asked)}}]}},
                    {"$project": {"both": {"$setIntersection": ["$members", {"$literal": list(asked)}]}}},
                    {"$unwind": "$both"},
                    {"$group": {"_id": "$both"}},
                ]
            )
            known.update([document["_id"] async for document in found])
        return [name for name in asked if name in known]
