"""What an account on either platform is told from outside, beside what every account of Meta's has."""

from typing import Annotated

from msgspec import Meta

from connectors import meta

Id = Annotated[str, Meta(pattern=r"^[1-9][0-9]{4,24}$")]
Hosts = Annotated[str, Meta(pattern=r"^[a-z0-9.-]+(,[a-z0-9.-]+)*$")]


class Settings(meta.Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With `app_id` the webhook is registered by us; without it somebody does that in the app's dashboard.

    `human_agent`: outside the window a message is sent once more under the tag of this name, which is for people
    alone. Files are fetched from `file_hosts` (a list with commas) and hosts below them, and from `base_url`.
    """

    app_id: Id | None = None
    human_agent: bool = False
    file_hosts: Hosts = "fbcdn.net,fbsbx.com,cdninstagram.com"
