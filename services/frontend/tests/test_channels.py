"""What is shown of channels: every fact of the registry, and whether one can write there."""

import msgspec
from msgspec.json import schema_components

from connectors.capabilities import CHANNELS, EVERY_CHANNEL
from services.frontend.channels import ChannelPage, show_channels
from services.frontend.tests.conftest import Scene


def test_each_channel_is_shown_as_it_is_declared_with_every_fact() -> None:
    shown = show_channels({"telegram"})
    page = msgspec.convert(shown, ChannelPage)
    assert [c.channel for c in page.items] == ["internal", *CHANNELS]
    assert [c.channel for c in page.items if c.configured] == ["internal", "telegram"]
    for view, raw in zip(page.items, shown["items"], strict=True):
        known = EVERY_CHANNEL[view.channel]
        assert (view.text, view.files, view.window) == (known.text, known.files, known.window)
        assert raw["text"] == {"max": known.text.max, "counted_in": known.text.counted_in}
        assert raw["unsend"].keys() == {"possible", "within_h"}


def test_the_document_says_what_may_be_null() -> None:
    _, components = schema_components([ChannelPage])
    assert set(components["ChannelView"]["required"]) >= {"configured", "window", "caption", "rows"}


async def test_nobody_is_told_anything_before_it_is_known(scene: Scene) -> None:
    ana = await scene.user("ana")
    answer = await ana.http.get("/v1/channels", headers=ana.headers)
    assert (answer.status_code, answer.json()["code"]) == (503, "etcd_unavailable")
    assert (await ana.http.get("/v1/channels")).status_code == 401
