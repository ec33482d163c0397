"""What files is told from outside."""

from typing import Annotated

from pydantic import Field

from libs.common.installation import InstallationSettings
from libs.common.storage_settings import StorageSettings

GIB = 1024**3


class Settings(StorageSettings, InstallationSettings):
    files_port: int = 8206
    files_internal_port: int = 8216
    """For our own services alone: no gateway leads there."""
    files_quota_bytes: Annotated[int, Field(ge=1)] = 10 * GIB
    """Of each user: completed files, and uploads under way as large as they were announced."""
    files_types: str = ""
    """Content types that are taken, by commas, `*` at the end stands for anything. Empty: those of the product."""
    files_scanner: str = ""
    files_at_once: Annotated[int, Field(ge=1, le=100)] = 10
    """How many files are verified at the same time."""
