"""What no case can say of calls: accounts by halves, the size of memory, and who may read what is secret."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest

from connectors.catalogue import Misconfigured, read_accounts
from connectors.exam.cases import Reply
from connectors.exam.platform import swallowing
from connectors.sdk import OutboundFile, Unreachable
from connectors.whatsapp import Settings, WhatsApp

MIB = 1024 * 1024
SECRETS = {"access_token": "EAAtests", "app_secret": "s-of-tests", "verify_token": "v-of-tests"}
GIVEN = {**SECRETS, "phone_number_id": "1064"}


async def pieces(*given: bytes) -> AsyncIterator[bytes]:
    for piece in given:
        yield piece


def ours(http: httpx.AsyncClient, url: str = "http://127.0.0.1:9") -> WhatsApp:
    return WhatsApp(http, msgspec.convert({**GIVEN, "base_url": url, "timeout_s": 30}, Settings))


@pytest.mark.parametrize("missing", ["app_secret", "verify_token", "phone_number_id"])
def test_an_account_by_halves_does_not_start(missing: str) -> None:
    given = {name: value for name, value in GIVEN.items() if name != missing}
    with pytest.raises(Misconfigured, match=f"whatsapp/main: {missing} is missing"):
        read_accounts({"whatsapp": {"main": given}})


def test_an_account_without_a_token_is_off_and_says_so() -> None:
    accounts = read_accounts({"whatsapp": {"main": {**GIVEN, "access_token": ""}}})
    assert accounts.on == []
    (off,) = accounts.off
    assert (off.channel, off.account, off.why) == ("whatsapp", "main", "access_token is not set")


def test_secrets_stay_out_of_representations() -> None:
    told = repr(msgspec.convert(GIVEN, Settings))
    assert not [secret for secret in SECRETS.values() if secret in told]


async def test_a_large_file_passes_through_a_small_memory() -> None:
    size, piece = 50 * MIB, bytes(256 * 1024)
    answers = Reply(json={"id": "7"}), Reply(json={"messages": [{"id": "wamid.A"}], "contacts": []})
    file = OutboundFile("m1", "16505551234", "a.pdf", "application/pdf", size)
    async with swallowing(*answers) as server, httpx.AsyncClient(trust_env=False) as http:
        tracemalloc.start()
        sent = await ours(http, server.url).send_file(file, pieces(*[piece] * (size // len(piece))))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert sent.external_ids == ("wamid.A",)
    assert server.taken > size
    assert peak < 4 * MIB


@pytest.mark.parametrize("given", [b"too short", b"a little too long for it"])
async def test_a_file_of_another_length_than_it_says_is_not_sent(given: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, httpx.AsyncClient(trust_env=False) as http:
        with pytest.raises(Unreachable, match="not as long as") as caught:
            await ours(http, url).send_file(OutboundFile("m1", "1", "a", "text/plain", 12), pieces(given))
    assert not caught.value.uncertain
