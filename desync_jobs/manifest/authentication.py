"""Who asks a place, and how the place proves who it is."""

from pydantic import model_validator

from desync_jobs.manifest.base import Spec
from desync_jobs.manifest.paths import FilePath
from desync_jobs.manifest.scalars import Flag
from desync_jobs.manifest.secrets import SecretSpec


class TlsSpec(Spec):
    """Certificates of a place that is asked over TLS."""

    ca: FilePath | None = None
    """Certificates to trust besides the system's, in one PEM file."""
    ca_only: Flag = False
    """Whether those of `ca` are trusted alone."""
    client_cert: FilePath | None = None
    """The certificate that this side shows, a PEM file; needs `client_key`."""
    client_key: FilePath | None = None
    """The key of `client_cert`, a PEM file."""
    trust_insecure: Flag = False
    """Whether any certificate is accepted. Chunks are still held against their IDs; indexes
    and what is sent, secrets too, are open to whoever is in between."""

    @model_validator(mode="after")
    def _together(self) -> "TlsSpec":
        if (self.client_cert is None) != (self.client_key is None):
            raise ValueError("client_cert and client_key are given together")
        if self.ca_only and self.ca is None:
            raise ValueError("ca_only needs ca, the certificates that are trusted")
        return self


class CredentialsSpec(Spec):
    """What a place is asked with, in one of the ways.

    Without it the usual ways are tried: the environment, and the files of the place's own tools.
    """

    access_key: SecretSpec | None = None
    """The name of an S3 key."""
    secret_key: SecretSpec | None = None
    """The S3 key itself."""
    session_token: SecretSpec | None = None
    """The token of a temporary S3 key."""
    profile: str | None = None
    """The section of an AWS credentials file."""
    file: FilePath | None = None
    """An AWS credentials file, for which `profile` may choose a section, or the key file of a
    Google service account."""
    username: SecretSpec | None = None
    """The user of a registry."""
    password: SecretSpec | None = None
    """The password or token of that user."""
    anonymous: Flag = False
    """Whether nothing is shown: the place is open to everybody."""

    @model_validator(mode="after")
    def _one_way(self) -> "CredentialsSpec":
        if (self.access_key is None) != (self.secret_key is None):
            raise ValueError("access_key and secret_key are given together")
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password are given together")
        if self.session_token is not None and self.access_key is None:
            raise ValueError("session_token needs access_key and secret_key")
        ways = [
            self.access_key is not None,
            self.profile is not None or self.file is not None,
            self.username is not None,
            self.anonymous,
        ]
        if sum(ways) != 1:
            raise ValueError("should say one way: keys, a profile or file, a user, or anonymous")
        return self
