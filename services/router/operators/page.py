"""The operators' page: files of the project, which ask nobody else, and the door to auth that it logs in by."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import httpx
import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from libs.common.errors import Unavailable, invalid, not_found
from libs.common.routes import read_json
from libs.common.shapes import shown

FOLDER = Path(__file__).parent / "www"
TYPES = {".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".svg": "image/svg+xml"}
DEADLINE_S = 15.0
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-cache",
}
PASSED_ON = ("content-type", "retry-after", "www-authenticate")


class LogIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """By username and password, or by the refresh token of a log-in before."""

    username: Annotated[str, shown(maxLength=64)] = ""
    password: str = ""
    refresh_token: str = ""


class LogOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token: str


_log_in = msgspec.json.Decoder(LogIn)
_log_out = msgspec.json.Decoder(LogOut)


@dataclass(frozen=True)
class Door:
    """To auth, at its internal address: the page may ask nobody but the router that serves it."""

    auth_url: str
    http: httpx.AsyncClient

    async def ask(self, path: str, said: dict[str, str], address: str) -> Response:
        """Auth's own answer. `address` is the caller's, for who tries passwords. Raises `Unavailable`."""
        headers = {"X-Forwarded-For": address} if address else {}
        try:
            answer = await self.http.post(self.auth_url + path, json=said, headers=headers, timeout=DEADLINE_S)
        except httpx.TransportError as error:
            raise Unavailable("auth", type(error).__name__) from None
        passed_on = {name: answer.headers[name] for name in PASSED_ON if name in answer.headers}
        return Response(answer.content, answer.status_code, {**passed_on, "Cache-Control": "no-store"})


def page_routes(door: Door) -> APIRouter:
    router = APIRouter(prefix="/operators", include_in_schema=False)
    files = {file.name: (file.read_bytes(), TYPES[file.suffix]) for file in FOLDER.iterdir()}

    @router.get("")
    async def show_page() -> Response:
        return _file("index.html")

    @router.get("/{name}")
    async def show_file(name: str) -> Response:
        return _file(name)

    @router.post("/session")
    async def log_in(request: Request) -> Response:
        said = await read_json(request, _log_in)
        return await door.ask("/v1/auth/token", _grant(said), _address(request))

    @router.post("/session/end")
    async def log_out(request: Request) -> Response:
        token = (await read_json(request, _log_out)).token
        return await door.ask("/v1/auth/revoke", {"token": token}, _address(request))

    def _file(name: str) -> Response:
        if name not in files:
            raise not_found("page")
        content, kind = files[name]
        return Response(content, media_type=kind, headers=HEADERS)

    return router


def _grant(said: LogIn) -> dict[str, str]:
    if said.refresh_token:
        return {"grant_type": "refresh_token", "refresh_token": said.refresh_token}
    if not said.username or not said.password:
        raise invalid("/username", "and a password are needed")
    return {"grant_type": "password", "username": said.username, "password": said.password}


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
