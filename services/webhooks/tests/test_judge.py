"""What we sign is judged by the package that Standard Webhooks itself publishes."""

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from services.webhooks.outgoing.domain.signing import new_secret
from services.webhooks.tests.scene import Scene, who


async def test_the_judge_takes_what_endpoints_are_sent_before_and_after_a_rotation(scene: Scene) -> None:
    there = await scene.endpoint()
    async with scene.worker() as made:
        hook = await scene.register(made, scene.bo, there)
        await scene.tell(made, text="grüß dich 👋")
        await there.until_heard(1)
        rotated = await made.registering.rotate(who(scene.bo), hook.webhook_id)
        await scene.tell(made)
        await there.until_heard(2)
    first, second = there.heard
    assert Webhook(str(hook.secret)).verify(first.body, first.headers) == first.event
    for secret in (hook.secret, rotated.secret):
        assert Webhook(str(secret)).verify(second.body, second.headers) == second.event
    with pytest.raises(WebhookVerificationError):
        Webhook(str(rotated.secret)).verify(first.body, first.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(second.body, second.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(str(hook.secret)).verify(first.body + b" ", first.headers)
