"""Signed URLs, by the example of S3's own documentation.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from libs.common.presigning import Signer

AT = datetime(2013, 5, 24, tzinfo=UTC)
A_DAY = timedelta(days=1)
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


def signer(url: str = "https://s3.amazonaws.com", bucket: str = "examplebucket", *, path_style: bool = False) -> Signer:
    return Signer(url, bucket, "us-east-1", "AKIAIOSFODNN7EXAMPLE", SECRET, path_style)


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def test_the_signature_is_that_of_the_documentation() -> None:
    url = signer().presign("GET", "test.txt", AT, A_DAY)
    assert url == (
        "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )


def test_the_bucket_is_in_the_path_where_a_store_wants_it_there() -> None:
    url = signer("http://127.0.0.1:8150", path_style=True).presign("GET", "files/a b/ü", AT, A_DAY)
    assert url.startswith("http://127.0.0.1:8150/examplebucket/files/a%20b/%C3%BC?")


def test_a_header_that_is_bound_changes_the_signature() -> None:
    urls = [signer().presign("PUT", "a", AT, A_DAY, headers={"Content-Length": size}) for size in ("10", "11")]
    assert {query_of(url)["X-Amz-SignedHeaders"] for url in urls} == {"content-length;host"}
    assert len({query_of(url)["X-Amz-Signature"] for url in urls}) == 2


def test_no_url_is_good_for_longer_than_stores_take() -> None:
    assert query_of(signer().presign("GET", "a", AT, 30 * A_DAY))["X-Amz-Expires"] == str(7 * 24 * 3600)


def test_a_signer_that_is_shown_keeps_its_secret() -> None:
    assert SECRET not in repr(signer())
