"""Accounts, tokens and addresses, to the letter."""

import asyncio
import secrets

import httpx
import jwt
import pytest

from tests.contract.conftest import PASSWORD, Caller, NewCaller
from tests.contract.test_everywhere import TIME, is_problem, pointers


def fresh(prefix: str = "u") -> str:
    return f"{prefix}{secrets.token_hex(6)}"


async def refresh(http: httpx.AsyncClient, token: str) -> httpx.Response:
    return await http.post("/v1/auth/token", json={"grant_type": "refresh_token", "refresh_token": token})


async def test_registering_shows_the_account_and_a_name_is_taken_once(anyone: httpx.AsyncClient) -> None:
    body = {"username": fresh(), "password": PASSWORD, "display_name": "Ana Ähm"}
    first, second = await anyone.post("/v1/auth/register", json=body), await anyone.post("/v1/auth/register", json=body)
    assert first.status_code == 201
    assert {k: first.json()[k] for k in ("username", "display_name")} == {
        "username": body["username"],
        "display_name": "Ana Ähm",
    }
    assert TIME.fullmatch(first.json()["created_at"])
    assert is_problem(second, 409, "username_taken")


@pytest.mark.parametrize("name", ["ab", "1abc", "Abc", "a" * 65, "a:b", "äbc", "abc ", "", "-abc"])
async def test_a_name_has_3_to_64_of_its_characters(anyone: httpx.AsyncClient, name: str) -> None:
    answer = await anyone.post("/v1/auth/register", json={"username": name, "password": PASSWORD})
    assert is_problem(answer, 422)
    assert pointers(answer) == ["/username"]


@pytest.mark.parametrize("password", ["short", "a" * 9, "a" * 73, "ä" * 37])
async def test_a_password_has_10_characters_and_at_most_72_bytes(anyone: httpx.AsyncClient, password: str) -> None:
    answer = await anyone.post("/v1/auth/register", json={"username": fresh(), "password": password})
    assert is_problem(answer, 422)
    assert pointers(answer) == ["/password"]


async def test_tokens_come_by_json_and_by_form(ana: Caller, anyone: httpx.AsyncClient) -> None:
    grant = {"grant_type": "password", "username": ana.name, "password": PASSWORD}
    for answer in (await anyone.post("/v1/auth/token", json=grant), await anyone.post("/v1/auth/token", data=grant)):
        assert answer.status_code == 200
        tokens = answer.json()
        assert tokens["token_type"] == "Bearer"
        assert (tokens["expires_in"], tokens["refresh_expires_in"]) == (3600, 2592000)
        assert answer.headers["cache-control"] == "no-store"


async def test_an_unknown_user_and_a_wrong_password_get_the_same_words(ana: Caller, anyone: httpx.AsyncClient) -> None:
    wrong = {"grant_type": "password", "username": ana.name, "password": "not the password"}
    answers = [await anyone.post("/v1/auth/token", json=g) for g in (wrong, wrong | {"username": fresh("nobody")})]
    assert all(is_problem(a, 401, "invalid_credentials") for a in answers)
    assert answers[0].json()["detail"] == answers[1].json()["detail"]


async def test_a_token_says_who_when_and_by_which_key(ana: Caller, anyone: httpx.AsyncClient) -> None:
    token = ana.tokens["access_token"]
    keys = {k["kid"]: k for k in (await anyone.get("/.well-known/jwks.json")).json()["keys"]}
    header = jwt.get_unverified_header(token)
    assert header["alg"] in ("ES256", "EdDSA")
    claims = jwt.decode(
        token, jwt.PyJWK(keys[header["kid"]]).key, algorithms=[header["alg"]], options={"verify_aud": False}
    )
    assert {"iss", "aud", "sub", "sid", "roles", "iat", "exp", "jti"} <= claims.keys()
    assert (claims["sub"], claims["roles"]) == (ana.name, ["user"])


async def test_refresh_tokens_rotate_and_a_lost_answer_is_no_theft(
    new_caller: NewCaller, anyone: httpx.AsyncClient
) -> None:
    first = (await new_caller()).tokens["refresh_token"]
    second, again = (await refresh(anyone, first)).json(), (await refresh(anyone, first)).json()
    assert second["refresh_token"] == again["refresh_token"] != first
    third = await refresh(anyone, second["refresh_token"])
    assert third.status_code == 200
    assert third.json()["refresh_token"] not in (first, second["refresh_token"])


async def test_using_a_refresh_token_again_ends_the_whole_family(
    new_caller: NewCaller, anyone: httpx.AsyncClient
) -> None:
    first = (await new_caller()).tokens["refresh_token"]
    second = (await refresh(anyone, first)).json()["refresh_token"]
    third = (await refresh(anyone, second)).json()
    assert (await refresh(anyone, first)).status_code == 401
    assert (await refresh(anyone, third["refresh_token"])).status_code == 401
    await _is_refused_soon(anyone, third["access_token"])


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
async def test_revoking_ends_the_session_everywhere(
    new_caller: NewCaller, anyone: httpx.AsyncClient, which: str
) -> None:
    caller = await new_caller()
    device = await caller.online()
    answer = await anyone.post("/v1/auth/revoke", json={"token": caller.tokens[which]})
    assert answer.status_code == 200
    await device.until(lambda: device.closed is not None)
    assert device.closed == 4409
    await _is_refused_soon(anyone, caller.tokens["access_token"])
    assert (await refresh(anyone, caller.tokens["refresh_token"])).status_code == 401


async def _is_refused_soon(http: httpx.AsyncClient, access_token: str) -> None:
    headers = {"Authorization": f"Bearer {access_token}"}
    async with asyncio.timeout(60):
        for path in ("/v1/users/me", "/v1/conversations", "/v1/presence?usernames=ana"):
            while (await http.get(path, headers=headers)).status_code != 401:
                await asyncio.sleep(0.05)


async def test_revoking_rubbish_is_200_too(anyone: httpx.AsyncClient) -> None:
    assert (await anyone.post("/v1/auth/revoke", json={"token": "rubbish"})).status_code == 200


async def test_an_address_belongs_to_one_user(new_caller: NewCaller) -> None:
    ana, bo = await new_caller(), await new_caller()
    address = {"address": str(10**9 + secrets.randbelow(10**9))}
    mapped = await ana.call("PUT", "/v1/users/me/channels/telegram", address)
    assert mapped.status_code == 200
    assert mapped.json()["channel"] == "telegram"
    assert mapped.json()["address"] == address["address"]
    me = (await ana.get("/v1/users/me")).json()
    assert [(c["channel"], c["address"]) for c in me["channels"]] == [("telegram", address["address"])]
    assert is_problem(await bo.call("PUT", "/v1/users/me/channels/telegram", address), 409, "address_taken")
    assert (await ana.call("DELETE", "/v1/users/me/channels/telegram")).status_code == 204
    assert (await bo.call("PUT", "/v1/users/me/channels/telegram", address)).status_code == 200


@pytest.mark.parametrize(
    ("channel", "address"), [("fax", "1"), ("internal", "1"), ("telegram", "@ana"), ("whatsapp", "x")]
)
async def test_an_unknown_channel_or_form_is_422(ana: Caller, channel: str, address: str) -> None:
    assert is_problem(await ana.call("PUT", f"/v1/users/me/channels/{channel}", {"address": address}), 422)


async def test_of_others_no_addresses_are_shown(ana: Caller, bo: Caller) -> None:
    shown = (await ana.get(f"/v1/users/{bo.name}")).json()
    assert shown == {"username": bo.name, "display_name": bo.name}
    assert is_problem(await ana.get("/v1/users/nobody-at-all"), 404)
