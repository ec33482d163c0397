"""Registering, at the HTTP door."""

import asyncio
import json
from collections import Counter
from datetime import datetime

import httpx
import pytest

from libs.common import etcd

URL = "/v1/auth/register"
JSON = {"content-type": "application/json"}


async def test_a_user_is_registered(auth: httpx.AsyncClient, name: str) -> None:
    answer = await auth.post(URL, json={"username": name, "password": "correct horse", "display_name": "Ana 🐎"})
    assert answer.status_code == 201
    user = answer.json()
    assert datetime.fromisoformat(user.pop("created_at"))
    assert user == {"username": name, "display_name": "Ana 🐎"}


async def test_without_a_display_name_the_username_is_shown(auth: httpx.AsyncClient, name: str) -> None:
    answer = await auth.post(URL, json={"username": name, "password": "correct horse", "favourite": "unknown, ignored"})
    assert answer.json()["display_name"] == name


async def test_a_password_is_stored_as_a_hash_alone(ana: dict[str, str], registry: etcd.Etcd) -> None:
    stored = json.loads(await registry.get(f"/parley/users/{ana['username']}") or b"")
    assert stored["password_hash"].startswith("$2b$12$")
    assert ana["password"] not in str(stored)


async def test_a_name_is_given_once(auth: httpx.AsyncClient, ana: dict[str, str]) -> None:
    answer = await auth.post(URL, json=ana)
    assert (answer.status_code, answer.json()["code"]) == (409, "username_taken")


async def test_of_100_at_once_for_one_name_exactly_one_gets_it(auth: httpx.AsyncClient, name: str) -> None:
    body = {"username": name, "password": "correct horse"}
    answers = await asyncio.gather(*(auth.post(URL, json=body) for _ in range(100)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 99}


async def test_two_processes_at_once_do_not_both_give_a_name(registry: etcd.Etcd, name: str) -> None:
    keys = [f"/parley/users/{name}"] * 20
    assert sum(await asyncio.gather(*(registry.create(key, b"{}") for key in keys))) == 1


async def test_every_invalid_field_is_named(auth: httpx.AsyncClient) -> None:
    answer = await auth.post(URL, json={"username": "Ana", "password": "short", "display_name": "a\nb"})
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["code"] == "invalid_field"
    assert [error["pointer"] for error in problem["errors"]] == ["/username", "/password", "/display_name"]


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"null",
        b"{}",
        b'"text"',
        b'{"username": 1, "password": []}',
        b'{"username": null, "password": null}',
        rb'{"username": "\ud800", "password": "\ud800 and some more"}',
        rb'{"username": "ana", "password": "correct\u0000horse"}',
        rb'{"username": "ana", "password": "correct horse", "display_name": "\udfff"}',
        rb'{"username": "ana", "password": "correct horse", "display_name": "\u0000"}',
    ],
)
async def test_a_body_of_the_wrong_shape_is_invalid(auth: httpx.AsyncClient, body: bytes) -> None:
    answer = await auth.post(URL, content=body, headers=JSON)
    assert answer.status_code == 422
    assert all(error["detail"] not in ("", "is not valid") for error in answer.json()["errors"])


@pytest.mark.parametrize("body", [b"", b"{", b'{"username": "\xff"}', b"[" * 100_000, b"1" * 5_000, b"\0"])
async def test_what_is_no_json_is_malformed(auth: httpx.AsyncClient, body: bytes) -> None:
    answer = await auth.post(URL, content=body, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_only_json_is_taken(auth: httpx.AsyncClient, kind: str) -> None:
    answer = await auth.post(URL, content=b"{}", headers={"content-type": kind})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


async def test_the_limit_of_passwords_is_said(auth: httpx.AsyncClient, name: str) -> None:
    answer = await auth.post(URL, json={"username": name, "password": "x" * 73})
    assert answer.status_code == 422
    assert "72 bytes" in answer.json()["errors"][0]["detail"]
    assert "72 bytes" in answer.json()["detail"]
