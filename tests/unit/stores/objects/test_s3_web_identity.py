"""Keys for S3 in exchange for the token of a web identity, as workloads in clusters have one.

The service that exchanges them is asked over TLS alone; here it is one of the test's own.
"""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from desync_jobs.errors import StoreError
from tests.servers.certificates import Authority
from tests.servers.s3_places import ENVIRONMENT, open_remote
from tests.servers.scripted import Reply, scripted_server

ROLE = "arn:aws:iam::123456789012:role/reader"
KEYS = b"""<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials>
<AccessKeyId>EXCHANGED</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>
<SessionToken>of the session</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration>
</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"""


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """An authority that this process trusts as one of the system's, and the token's variables."""
    authority = Authority(tmp_path / "tls")
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "token").write_text("the.own.token")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SSL_CERT_FILE", authority.file)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    return authority


def test_a_token_is_exchanged_for_keys_once(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        scripted_server(otherwise=Reply(body=KEYS), tls=authority.server()) as service,
        scripted_server(otherwise=Reply(body=b"content")) as server,
    ):
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", service.url)
        place = open_remote(f"s3+{server.url}/bucket")
        found = place.get(["x", "y"], 100)

    asked = parse_qs(urlsplit(service.received[0].target).query)
    assert found == [b"content"] * 2
    assert len(service.received) == 1
    assert asked["Action"] == ["AssumeRoleWithWebIdentity"]
    assert (asked["RoleArn"], asked["WebIdentityToken"]) == ([ROLE], ["the.own.token"])
    for one in server.received:
        assert "Credential=EXCHANGED/" in one.headers["authorization"]
        assert one.headers["x-amz-security-token"] == "of the session"


def test_a_token_that_is_refused_is_an_error_that_shows_no_token(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = Reply(403, b"<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>")
    with (
        scripted_server(otherwise=refusal, tls=authority.server()) as service,
        scripted_server(otherwise=Reply(body=b"content")) as server,
    ):
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", service.url)
        with pytest.raises(StoreError) as caught:
            open_remote(f"s3+{server.url}/bucket").get(["x"], 100)

    assert "the.own.token" not in str(caught.value)
    assert "cannot read s3+" in str(caught.value)
    assert server.received == []
