"""Only Meta's own requests come through, and a handshake only with our verify token."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.meta import answer_challenge, verify
from connectors.sdk import Forged, WebhookRequest

SECRET = "appsecret"
BODY = b'{"object":"page","entry":[]}'
SIGNATURE = "sha256=0e9e0080a310f376450c46d999aa4d49ed772bfe43c13205f38a3a6e6611ed2b"
ASKED = {"hub.mode": "subscribe", "hub.verify_token": "a-verify-token", "hub.challenge": "1158201444"}


def signed(body: bytes, **headers: str) -> WebhookRequest:
    return WebhookRequest("POST", {name.replace("_", "-"): value for name, value in headers.items()}, {}, body)


def test_the_published_signature_is_ours() -> None:
    verify(signed(BODY, x_hub_signature_256=SIGNATURE), SECRET)


@pytest.mark.parametrize(
    "given",
    [
        "",
        "sha256=",
        SIGNATURE.upper(),
        SIGNATURE.removeprefix("sha256="),
        SIGNATURE.replace("sha256", "sha1"),
        SIGNATURE[:-1],
        SIGNATURE + " ",
        "sha256=\udcff",
    ],
)
def test_another_signature_is_forged(given: str) -> None:
    with pytest.raises(Forged):
        verify(signed(BODY, x_hub_signature_256=given), SECRET)


def test_a_signature_of_another_kind_is_none() -> None:
    with pytest.raises(Forged):
        verify(signed(BODY, x_hub_signature="sha1=" + "0" * 40), SECRET)


@given(st.binary(max_size=50).filter(lambda body: body != BODY))
def test_the_signature_of_one_body_is_no_proof_of_another(body: bytes) -> None:
    with pytest.raises(Forged):
        verify(signed(body, x_hub_signature_256=SIGNATURE), SECRET)


def test_without_a_secret_everything_is_forged() -> None:
    empty = "sha256=" + "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"
    with pytest.raises(Forged):
        verify(signed(b"", x_hub_signature_256=empty), "")


def test_a_handshake_hears_its_challenge() -> None:
    assert answer_challenge(WebhookRequest("GET", {}, ASKED, b""), "a-verify-token") == "1158201444"


@pytest.mark.parametrize(
    "change",
    [
        {"hub.verify_token": "another"},
        {"hub.verify_token": ""},
        {"hub.mode": "unsubscribe"},
        {"hub.mode": ""},
        {"hub.challenge": ""},
    ],
)
def test_another_handshake_is_forged(change: dict[str, str]) -> None:
    with pytest.raises(Forged):
        answer_challenge(WebhookRequest("GET", {}, {**ASKED, **change}, b""), "a-verify-token")


@pytest.mark.parametrize("missing", ASKED)
def test_a_handshake_that_lacks_something_is_forged(missing: str) -> None:
    query = {name: value for name, value in ASKED.items() if name != missing}
    with pytest.raises(Forged):
        answer_challenge(WebhookRequest("GET", {}, query, b""), "a-verify-token")


def test_without_a_verify_token_every_handshake_is_forged() -> None:
    with pytest.raises(Forged):
        answer_challenge(WebhookRequest("GET", {}, {**ASKED, "hub.verify_token": ""}, b""), "")


def test_only_a_get_is_a_handshake() -> None:
    with pytest.raises(Forged):
        answer_challenge(WebhookRequest("POST", {}, ASKED, b""), "a-verify-token")
