"""Calling an endpoint: where its name leads is looked up, judged and held fast for each call; the answer is bounded."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from ipaddress import ip_address

import httpx

from services.webhooks.outgoing.domain.addresses import Address, Network, may_be_called, parse_address
from services.webhooks.outgoing.domain.retrying import Answer, NoAnswer, retry_after_s

DEADLINE_S = 15.0  # of a whole call, from the look-up of the name to the answer
REST_S = 2.0  # for the body of an answer whose status is known
CONNECT_S = 5.0  # to one of several addresses
MOST_BYTES = 1024
NO_ANSWER = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, UnicodeError, TimeoutError, OSError, ssl.SSLError)
NO_REUSE = httpx.Limits(max_connections=None, max_keepalive_connections=0)

Resolve = Callable[[str, int], Sequence[str]]
"""(name, port) → addresses; raises `OSError`. Called in a thread."""


class Forbidden(httpx.TransportError):
    """The name leads to nothing that may be called."""


class Unknown(httpx.TransportError):
    """The name leads nowhere."""


class Pinned(httpx.AsyncBaseTransport):
    """Connects to an address that was judged, never to a name; TLS and `Host` still speak of the name.

    Connections are not kept: each call looks up and judges anew, and none can be meant for another name.
    """

    def __init__(self, networks: Sequence[Network], resolve: Resolve, threads: int, tls: ssl.SSLContext | bool) -> None:
        self._networks = networks
        self._resolve = resolve
        # a look-up that hangs holds its thread for longer than the call: twice as many let nobody wait
        self._threads = ThreadPoolExecutor(2 * threads, thread_name_prefix="names")
        self._inner = httpx.AsyncHTTPTransport(verify=tls, trust_env=False, limits=NO_REUSE)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.raw_host.decode("ascii")
        addresses = await self._judged(host, request.url.port or (443 if request.url.scheme == "https" else 80))
        request.extensions["sni_hostname"] = host
        for address in addresses[:-1]:
            with suppress(httpx.ConnectError, httpx.ConnectTimeout):
                return await self._ask(request, address)
        return await self._ask(request, addresses[-1])

    async def aclose(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        await self._inner.aclose()

    async def _ask(self, request: httpx.Request, address: Address) -> httpx.Response:
        request.url = request.url.copy_with(host=str(address))
        return await self._inner.handle_async_request(request)

    async def _judged(self, host: str, port: int) -> list[Address]:
        literal = parse_address(host)
        found = [literal] if literal else await self._look_up(host, port)
        allowed = [address for address in found if may_be_called(address, self._networks)]
        if not allowed:
            raise Forbidden("every address of it is private")
        return allowed

    async def _look_up(self, host: str, port: int) -> list[Address]:
        loop = asyncio.get_running_loop()
        try:
            names = await loop.run_in_executor(self._threads, self._resolve, host, port)
        except (OSError, UnicodeError) as error:
            raise Unknown("its name leads nowhere") from error
        return [ip_address(name) for name in dict.fromkeys(names)]


def system_names(host: str, port: int) -> list[str]:
    """As the machine's resolver has them."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class Caller:
    """Posts once; whatever comes of it is an answer or the reason why there is none."""

    def __init__(self, http: httpx.AsyncClient, clock: Callable[[], datetime], deadline_s: float = DEADLINE_S) -> None:
        self._http = http
        self._clock = clock
        self._deadline_s = deadline_s

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer | NoAnswer:
        heard: list[Answer] = []
        try:
            async with asyncio.timeout(self._deadline_s):
                await self._post(url, headers, body, heard)
        except NO_ANSWER as error:
            if not heard:
                return _failure(error)
        return heard[-1]

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes, heard: list[Answer]) -> None:
        """The status counts as soon as it is there; what of the body follows soon is heard, too."""
        async with self._http.stream("POST", url, content=body, headers=headers) as answer:
            asked = retry_after_s(answer.headers.get("retry-after"), self._clock())
            heard.append(Answer(answer.status_code, b"", asked))
            said = bytearray()
            with suppress(TimeoutError):
                async with asyncio.timeout(REST_S):
                    async for chunk in answer.aiter_raw():
                        said += chunk
                        heard.append(Answer(answer.status_code, bytes(said[:MOST_BYTES]), asked))
                        if len(said) >= MOST_BYTES:
                            return


def _failure(error: BaseException) -> NoAnswer:
    match error:
        case Forbidden():
            return NoAnswer("address_refused", "Its name leads to a private address.")
        case Unknown() | UnicodeError() | httpx.InvalidURL():  # what no name can be is looked up by nobody
            return NoAnswer("name_unknown", "Its name leads nowhere.")
        case TimeoutError() | httpx.TimeoutException():
            return NoAnswer("timeout", "It did not answer in time.")
        case httpx.ConnectError() if isinstance(error.__cause__, Exception) and "SSL" in str(error):
            return NoAnswer("tls_failed", "Its certificate does not hold, or it speaks no TLS.")
        case httpx.ConnectError() | ConnectionRefusedError():
            return NoAnswer("not_connected", "Nobody answers there.")
    return NoAnswer("broken_off", "It ended the connection without an answer that can be read.")


@asynccontextmanager
async def calling(
    networks: Sequence[Network],
    at_once: int,
    clock: Callable[[], datetime],
    *,
    resolve: Resolve = system_names,
    tls: ssl.SSLContext | bool = True,
    deadline_s: float = DEADLINE_S,
) -> AsyncIterator[Caller]:
    """`networks` may be called though they are private; `at_once` is how many calls there are at a time."""
    headers = {"accept-encoding": "identity", "connection": "close", "user-agent": "Parley-Webhooks/1"}
    async with httpx.AsyncClient(
        transport=Pinned(networks, resolve, at_once, tls),
        timeout=httpx.Timeout(None, connect=CONNECT_S),
        follow_redirects=False,
        trust_env=False,
        headers=headers,
    ) as http:
        yield Caller(http, clock, deadline_s)
