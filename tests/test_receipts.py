"""What one device reports all devices of all members see, on whatever node they are."""

from tests.conftest import Chat
from tests.nodes import another_node
from tests.test_hints import connect


async def test_a_receipt_comes_to_all_devices_of_all_members(chat: Chat) -> None:
    ana, bo, conversation = await chat.pair()
    async with another_node(chat.stack) as node:
        devices = [await ana.connect(), await connect(node, ana), await bo.connect(), await connect(node, bo)]
        for device in devices:
            await device.caught_up()
        sent = await ana.client.send(conversation.conversation_id, "hi")
        reader = devices[3]
        await reader.until(1)
        assert [m.message_id for m in reader.messages] == [sent.message_id]
        reader.socket.read(conversation.conversation_id, 1)
        receipts = [await device.receipt(bo.name, "READ", 1) for device in devices]
        for device in devices:
            await device.close()
    assert {(r.conversation_id, r.sequence_number) for r in receipts} == {(conversation.conversation_id, 1)}
    assert all(r.offset for r in receipts)
