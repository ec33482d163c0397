"""Signatures and ids as Standard Webhooks has them."""

from datetime import UTC, datetime, timedelta

from services.webhooks.outgoing.domain.signing import delivery_id, headers, new_secret, signature
from services.webhooks.outgoing.domain.webhooks import MAX_SECRETS, Secret, Webhook, rotated, valid_secrets

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
AT = datetime(2026, 11, 21, tzinfo=UTC)
HOUR = timedelta(hours=1)


def webhook(*secrets: Secret) -> Webhook:
    return Webhook(
        webhook_id="01a1fcd6-0000-7000-8000-000000000000",
        owner="ana",
        url="https://example.com",
        events=("message.sent",),
        secrets=secrets,
        created_at=AT,
        updated_at=AT,
    )


def test_the_published_vector() -> None:
    signed = signature(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_every_valid_secret_signs() -> None:
    secrets = [new_secret(), new_secret()]
    made = headers(secrets, "id", 7, b"{}")
    assert made["webhook-signature"].split(" ") == [signature(secret, "id", 7, b"{}") for secret in secrets]
    assert len({*secrets}) == 2


def test_the_id_is_that_of_webhook_and_event() -> None:
    one, other = "01a1fcd6-0000-7000-8000-000000000000", "01a1fcd6-0000-7000-8000-000000000001"
    assert delivery_id(one, "m/sent") == delivery_id(one, "m/sent")
    assert len({delivery_id(one, "m/sent"), delivery_id(one, "m/read"), delivery_id(other, "m/sent")}) == 3


def test_an_old_secret_is_valid_for_a_day_and_no_rotation_makes_that_longer() -> None:
    before = webhook(Secret("first"))
    once = webhook(*rotated(before, "second", AT))
    twice = webhook(*rotated(once, "third", AT + HOUR))
    assert [s.sealed for s in valid_secrets(twice, AT + 23 * HOUR)] == ["third", "second", "first"]
    assert [s.sealed for s in valid_secrets(twice, AT + 24 * HOUR)] == ["third", "second"]
    assert [s.sealed for s in valid_secrets(twice, AT + 25 * HOUR)] == ["third"]
    assert len(twice.secrets) <= MAX_SECRETS
