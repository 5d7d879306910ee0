"""Who we are to a registry: from the manifest, the environment or Docker, in this order."""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from desync_jobs.errors import UsageError
from desync_jobs.stores.endpoint import Endpoint
from desync_jobs.stores.oci.docker import DockerConfig
from desync_jobs.stores.oci.login import Login

_USERNAME: Final = "DESYNC_OCI_USERNAME"
_PASSWORD: Final = "DESYNC_OCI_PASSWORD"  # noqa: S105 -- the name of a variable


FindLogin: TypeAlias = Callable[[], Login | None]
"""Looks up who we are now; None for nobody. Raises `UsageError` or `StoreError`."""


def find_login(endpoint: Endpoint, host: str, environment: Mapping[str, str]) -> FindLogin:
    """Return how to look up the login for a registry, which Docker calls `host`."""
    spec = endpoint.spec.credentials
    if spec is not None and spec.anonymous:
        return lambda: None
    if spec is not None and spec.username is not None and spec.password is not None:
        username = endpoint.secret(spec.username, "credentials.username")
        password = endpoint.secret(spec.password, "credentials.password")
        return lambda: Login(username.read(), password.read())
    docker = DockerConfig(environment, endpoint.label, endpoint.stopper)

    def find() -> Login | None:
        return _from_environment(endpoint.label, environment) or docker.login(host)

    return find


def _from_environment(label: str, environment: Mapping[str, str]) -> Login | None:
    username, password = environment.get(_USERNAME, ""), environment.get(_PASSWORD, "")
    if password and not username:
        raise UsageError(f"{label}: {_PASSWORD} is set and {_USERNAME} is not; set both")
    return Login(username, password) if username else None
