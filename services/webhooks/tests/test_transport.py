"""A call to an endpoint: where it leads is judged when it is made, and nothing that is answered can hurt."""

import asyncio
import datetime
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from libs.common.clock import now
from libs.common.tests.endpoint import OK, Endpoint, closes, endpoint, goes_on_for_ever, hangs, says, status
from services.webhooks.outgoing.domain.addresses import Network
from services.webhooks.outgoing.domain.retrying import Answer, NoAnswer
from services.webhooks.outgoing.transport import Caller, calling

HERE: list[Network] = [ip_network("127.0.0.0/8")]
NAME = "hooks.example.com"


class Names:
    """What a name leads to, one list after the other; the last one for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = [*answers]
        self.asked: list[str] = []

    def resolve(self, name: str, _: int) -> Sequence[str]:
        self.asked.append(name)
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        if not answer:
            raise OSError("no such name")
        return answer


@asynccontextmanager
async def caller(
    names: Names | None = None,
    networks: Sequence[Network] = HERE,
    tls: ssl.SSLContext | bool = True,
    deadline_s: float = 20,
) -> AsyncIterator[Caller]:
    resolve = (names or Names(["127.0.0.1"])).resolve
    async with calling(networks, 2, now, resolve=resolve, tls=tls, deadline_s=deadline_s) as made:
        yield made


async def test_what_is_answered_is_told() -> None:
    async with endpoint() as there, caller() as call:
        there.then.append(status(429, Retry_After="7"))
        assert await call.post(there.url, {"webhook-id": "1"}, b"{}") == Answer(429, b"", 7.0)
        assert await call.post(there.url, {"webhook-id": "2"}, b"{}") == Answer(200, b"ok")
        assert [one.body for one in there.heard] == [b"{}", b"{}"]


async def test_a_redirect_is_followed_by_nobody() -> None:
    async with endpoint() as there, endpoint() as inside, caller() as call:
        there.then.append(status(302, Location=inside.url))
        answer = await call.post(there.url, {}, b"{}")
        assert isinstance(answer, Answer)
        assert (answer.status, inside.heard) == (302, [])


async def test_of_a_huge_answer_a_kib_is_read() -> None:
    async with endpoint() as there, caller() as call:
        there.then.append(goes_on_for_ever)
        assert await call.post(there.url, {}, b"{}") == Answer(200, b"x" * 1024)


@pytest.mark.parametrize(
    ("answering", "code"),
    [
        (closes, "broken_off"),
        (says(b"HTTP/1.1 200"), "broken_off"),
        (says(b"SSH-2.0-OpenSSH\r\n\r\n"), "broken_off"),
        (says(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 100_000 + b"\r\n"), "broken_off"),
    ],
)
async def test_what_is_no_answer_is_a_failure_in_our_words(answering: object, code: str) -> None:
    async with endpoint() as there, caller() as call:
        there.then.append(answering)  # type: ignore[arg-type]
        answer = await call.post(there.url, {}, b"{}")
        assert isinstance(answer, NoAnswer)
        assert answer.code == code


async def test_an_answer_that_breaks_off_behind_its_status_counts() -> None:
    async with endpoint() as there, caller() as call:
        there.then.append(says(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhal"))
        answer = await call.post(there.url, {}, b"{}")
        assert isinstance(answer, Answer)
        assert answer.status == 200


async def test_who_hangs_is_given_up() -> None:
    async with endpoint() as there, caller(deadline_s=0.5) as call:
        there.answer = hangs
        assert await call.post(there.url, {}, b"{}") == NoAnswer("timeout", "It did not answer in time.")


@pytest.mark.parametrize("host", ["xn--", "xn--a.example", "-a.example", "a b", "%31", "[v1.x]"])
async def test_what_is_no_name_leads_nowhere(host: str) -> None:
    async with caller(Names([])) as call:
        assert await call.post(f"http://{host}/", {}, b"{}") == NoAnswer("name_unknown", "Its name leads nowhere.")


async def test_a_call_needs_somebody_who_listens() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # so that nobody else comes to listen there
        async with caller() as call:
            answer = await call.post(f"http://127.0.0.1:{held.getsockname()[1]}/", {}, b"{}")
        assert isinstance(answer, NoAnswer)
        assert answer.code == "not_connected"


async def test_a_name_that_leads_inside_is_refused_also_when_it_did_not_before() -> None:
    names = Names(["127.0.0.1"], ["169.254.169.254"], ["::ffff:10.0.0.1", "192.168.0.1"], [])
    async with endpoint() as there, caller(names) as call:
        url = f"http://{NAME}:{there.port}/"
        answers = [await call.post(url, {}, b"{}") for _ in range(4)]
        assert answers[0] == Answer(200, b"ok")
        assert [a.code for a in answers[1:] if isinstance(a, NoAnswer)] == ["address_refused"] * 2 + ["name_unknown"]
        assert there.heard[0].headers["host"] == f"{NAME}:{there.port}"
        assert names.asked == [NAME] * 4
        assert len(there.heard) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "[::ffff:127.0.0.1]", "[::1]", "2130706433", "0x7f.1", "localhost"])
async def test_without_the_setting_nothing_leads_to_this_machine(host: str) -> None:
    async with endpoint() as there, caller(Names(["127.0.0.1"]), ()) as call:
        answer = await call.post(f"http://{host}:{there.port}/", {}, b"{}")
        assert isinstance(answer, NoAnswer)
        assert answer.code == "address_refused"
        assert there.heard == []


async def test_of_several_addresses_those_that_may_be_called_are_tried() -> None:
    async with endpoint() as there, caller(Names(["10.0.0.1", "127.0.0.9", "127.0.0.1"])) as call:
        assert await call.post(f"http://{NAME}:{there.port}/", {}, b"{}") == Answer(200, b"ok")


async def test_a_certificate_must_be_of_the_name_and_not_of_the_address(tmp_path: Path) -> None:
    ours, server = certificate(tmp_path)
    async with tls_endpoint(server) as (there, port), caller(tls=ours) as call:
        assert await call.post(f"https://{NAME}:{port}/", {}, b"{}") == Answer(200, b"ok")
        other = await call.post(f"https://other.example.com:{port}/", {}, b"{}")
        assert isinstance(other, NoAnswer)
        assert other.code == "tls_failed"
        assert len(there.heard) == 1


@asynccontextmanager
async def tls_endpoint(context: ssl.SSLContext) -> AsyncIterator[tuple[Endpoint, int]]:
    made = Endpoint()
    made.answer = says(OK)
    server = await asyncio.start_server(made.take, "127.0.0.1", 0, ssl=context)
    async with server:
        yield made, server.sockets[0].getsockname()[1]


def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Who trusts it, and who has it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    at = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - datetime.timedelta(days=1))
        .not_valid_after(at + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    file = folder / "tls.pem"
    file.write_bytes(private + pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return ssl.create_default_context(cadata=pem.decode()), server
