"""From a manifest's HTTP place to a live one."""

from desync_jobs.manifest.authentication import TlsSpec
from desync_jobs.stores.endpoint import Endpoint
from desync_jobs.stores.http.client import HttpClient
from desync_jobs.stores.http.options import Credentials, HeaderLines, HttpOptions, Tls
from desync_jobs.stores.http.place import HttpPlace


def open_place(endpoint: Endpoint) -> HttpPlace:
    """Open an HTTP place; nothing is sent yet, and no secret looked up."""
    options = options_of(endpoint, _header_lines(endpoint))
    client = HttpClient(endpoint.label, options, endpoint.budget(), endpoint.stopper)
    endpoint.at_end(client.close)
    return HttpPlace(endpoint.name, endpoint.location.text, client)


def options_of(endpoint: Endpoint, credentials: HeaderLines) -> HttpOptions:
    """Return how a place is asked over HTTP; tells the user where certificates do not count."""
    spec = endpoint.spec
    if spec.tls.trust_insecure:
        endpoint.notice(
            f"{endpoint.label}: TLS certificates are NOT verified (tls.trust_insecure): whoever is "
            f"between here and {endpoint.location.host} can read and change everything"
        )
    return HttpOptions(endpoint.policy, tls_of(endpoint, spec.tls), credentials, netrc=spec.netrc)


def tls_of(endpoint: Endpoint, spec: TlsSpec) -> Tls:
    """Return the certificates of `spec`, with absolute paths."""
    paths = {
        key: None if text is None else endpoint.path(text)
        for key, text in (
            ("ca", spec.ca),
            ("client_cert", spec.client_cert),
            ("client_key", spec.client_key),
        )
    }
    return Tls(**paths, ca_only=spec.ca_only, trust_insecure=spec.trust_insecure)


def _header_lines(endpoint: Endpoint) -> Credentials:
    spec = endpoint.spec
    secrets = [
        (header, endpoint.secret(secret, key))
        for header, key, secret in (
            ("Authorization", "http_auth", spec.http_auth),
            ("Cookie", "http_cookie", spec.http_cookie),
        )
        if secret is not None
    ]
    return Credentials(lambda: [f"{header}: {secret.read()}" for header, secret in secrets])
