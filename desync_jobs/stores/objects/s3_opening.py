"""From a manifest's S3 place to a live one.

`s3+https://host/bucket/prefix` names any server, `s3://bucket/prefix` is AWS, or the server that
`AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL` names, as for AWS's own tools.
"""

import os
import re
from collections.abc import Mapping
from typing import Final

from desync_jobs.errors import UsageError
from desync_jobs.manifest.locations import Location
from desync_jobs.stores.endpoint import Endpoint
from desync_jobs.stores.objects.calls import Calls
from desync_jobs.stores.objects.s3 import S3Place
from desync_jobs.stores.objects.s3_credentials import keys_of, region_of
from desync_jobs.stores.objects.s3_failures import failure_of
from desync_jobs.stores.objects.s3_session import S3Options, Session

_AWS_HOST: Final = re.compile(r"s3(?:[.-](?:dualstack\.)?([a-z0-9-]+))?\.amazonaws\.com(?:\.cn)?")
_NAMES_BUCKETS: Final = (".amazonaws.com", ".amazonaws.com.cn", ".googleapis.com", ".aliyuncs.com")
"""Servers that want the bucket in the name of the host, as minio's client knows them, and so
desync."""


def open_place(endpoint: Endpoint) -> S3Place:
    """Open an S3 place; nothing is sent yet, and no secret looked up.

    `UsageError` for what obstore cannot do.
    """
    location = endpoint.location
    _check(endpoint)
    spec = endpoint.spec
    server, bucket_in_host = _server(location)
    options = S3Options(
        endpoint.label,
        location.bucket,
        endpoint.policy,
        server,
        bucket_in_host,
        region_of(endpoint) or _region_in(location.host),
        _authorities(endpoint),
        trust_insecure=spec.tls.trust_insecure,
        anonymous=spec.credentials is not None and spec.credentials.anonymous,
    )
    calls = Calls(endpoint.label, endpoint.policy, endpoint.budget(), endpoint.stopper, failure_of)
    session = Session(options, keys_of(endpoint))
    endpoint.at_end(session.close)
    endpoint.at_end(calls.close)
    url = location.text.partition("?")[0]
    return S3Place(endpoint.name, url, location.path, session, calls)


def _check(endpoint: Endpoint) -> None:
    tls = endpoint.spec.tls
    if tls.client_cert is not None:
        raise UsageError(
            f"{endpoint.label}: tls.client_cert: S3 places are asked with keys, and show no "
            "certificate; leave it out"
        )
    if tls.ca_only:
        raise UsageError(
            f"{endpoint.label}: tls.ca_only: for S3 the system's certificates stay trusted; "
            "leave it out"
        )
    if "//" in endpoint.location.path:
        raise UsageError(
            f"{endpoint.label}: {endpoint.location.text}: a prefix with '//' is not possible"
        )
    if tls.trust_insecure:
        endpoint.notice(
            f"{endpoint.label}: TLS certificates are NOT verified (tls.trust_insecure): whoever is "
            f"between here and {endpoint.location.host or 'AWS'} can read and change everything"
        )


def _server(
    location: Location, environment: Mapping[str, str] = os.environ
) -> tuple[str | None, bool]:
    """Return the URL of the server, None for AWS, and whether the bucket is in its name."""
    if location.endpoint is None:
        named = environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL")
        if named:
            return named.rstrip("/"), False
        return None, location.lookup == "dns" or (
            location.lookup == "auto" and "." not in location.bucket
        )
    in_host = location.lookup == "dns"
    if location.lookup == "auto":
        # A certificate of `*.host` is not for names with another dot.
        dotted = "." in location.bucket and location.scheme == "s3+https"
        in_host = f".{location.host}".endswith(_NAMES_BUCKETS) and not dotted
    if not in_host:
        return location.endpoint, False
    scheme, _, rest = location.endpoint.partition("://")
    return f"{scheme}://{location.bucket}.{rest}", True


def _region_in(host: str) -> str | None:
    found = _AWS_HOST.fullmatch(host)
    return found[1] if found else None


def _authorities(endpoint: Endpoint) -> bytes | None:
    ca = endpoint.spec.tls.ca
    if ca is None:
        return None
    path = endpoint.path(ca)
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise UsageError(
            f"{endpoint.label}: tls.ca: {path} cannot be read: {error.strerror}"
        ) from error
