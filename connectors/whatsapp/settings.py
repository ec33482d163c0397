"""What one WhatsApp number is told from outside."""

from typing import Annotated

from msgspec import Meta

from connectors import meta


class Settings(meta.Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`phone_number_id` is Meta's id of the number, not the number."""

    phone_number_id: Annotated[str, Meta(pattern=r"^[0-9]{1,32}$")]

    def __repr__(self) -> str:
        return f"Settings(number {self.phone_number_id}, {self.api_version} at {self.base_url})"
