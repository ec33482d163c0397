"""What a service is told of the S3 store that it uses."""

from pathlib import Path

from libs.common.settings import CommonSettings
from libs.common.storage_reading import Place


class StorageSettings(CommonSettings):
    """`s3_public_url` is what clients reach, `s3_url` what a service does; without the one, it is the other."""

    s3_url: str = "http://127.0.0.1:8150"
    s3_public_url: str = ""
    s3_region: str = "us-east-1"
    s3_bucket: str = "parley"
    s3_path_style: bool = True
    s3_access_key: str = ""
    s3_secret_key: str = ""
    s3_ca: Path | None = None
    """A file of certificate authorities, where the store's is none that everybody knows."""

    @property
    def place(self) -> Place:
        return Place(
            url=self.s3_url,
            public_url=self.s3_public_url,
            bucket=self.s3_bucket,
            region=self.s3_region,
            path_style=self.s3_path_style,
            access_key=self.s3_access_key,
            secret_key=self.s3_secret_key,
            ca=self.s3_ca,
        )
