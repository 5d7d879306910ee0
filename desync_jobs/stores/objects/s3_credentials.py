"""Who asks an S3 place: keys from the manifest, the environment and the files of AWS's tools.

In this order: the manifest's `credentials`; `S3_ACCESS_KEY` and `S3_SECRET_KEY`, desync's;
`AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`; a web identity, where the environment has one; the
file of `AWS_SHARED_CREDENTIALS_FILE` or `~/.aws/credentials`, in it the section of `AWS_PROFILE` or
`default`; and what obstore finds, which is the role of a container or of a machine.
"""

import configparser
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from desync_jobs.errors import UsageError
from desync_jobs.manifest.authentication import CredentialsSpec
from desync_jobs.stores.endpoint import Endpoint

_DEFAULT_PROFILE: Final = "default"
_FILE_LIMIT: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Keys:
    """An S3 key, as it is now."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


FindKeys: TypeAlias = Callable[[], Keys | None]
"""Looks the keys up, each time anew; None is for what obstore finds itself."""


def keys_of(endpoint: Endpoint, environment: Mapping[str, str] = os.environ) -> FindKeys:
    """Return how the keys of a place are looked up; nothing is yet.

    It raises `UsageError` where they are not where they should be.
    """
    spec = endpoint.spec.credentials
    if spec is not None and spec.access_key is not None:
        return _from_manifest(endpoint, spec)
    if spec is not None and (spec.profile is not None or spec.file is not None):
        file = _shared_file(environment) if spec.file is None else endpoint.path(spec.file)
        profile = spec.profile or _DEFAULT_PROFILE
        return lambda: _from_file(f"{endpoint.label}: credentials", file, profile)
    return lambda: _from_surroundings(endpoint.label, environment)


def region_of(endpoint: Endpoint, environment: Mapping[str, str] = os.environ) -> str | None:
    """Return the region that the manifest, the environment or the profile says, if any does."""
    said = endpoint.spec.region
    for name in ("S3_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"):
        said = said or environment.get(name)
    if said:
        return said
    credentials = endpoint.spec.credentials
    profile = None if credentials is None else credentials.profile
    profile = profile or environment.get("AWS_PROFILE") or _DEFAULT_PROFILE
    file = environment.get("AWS_CONFIG_FILE") or os.path.expanduser("~/.aws/config")
    section = profile if profile == _DEFAULT_PROFILE else f"profile {profile}"
    return _sections(endpoint.label, file).get(section, {}).get("region")


def _from_manifest(endpoint: Endpoint, spec: CredentialsSpec) -> FindKeys:
    secrets = [
        None if one is None else endpoint.secret(one, f"credentials.{key}")
        for key, one in (
            ("access_key", spec.access_key),
            ("secret_key", spec.secret_key),
            ("session_token", spec.session_token),
        )
    ]

    def find() -> Keys:
        access_key, secret_key, session_token = [
            None if one is None else one.read() for one in secrets
        ]
        return Keys(access_key or "", secret_key or "", session_token)

    return find


def _from_surroundings(label: str, environment: Mapping[str, str]) -> Keys | None:
    for access_key, secret_key, session_token in (
        ("S3_ACCESS_KEY", "S3_SECRET_KEY", "S3_SESSION_TOKEN"),
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    ):
        access, secret = environment.get(access_key), environment.get(secret_key)
        if access and secret:
            return Keys(access, secret, environment.get(session_token) or None)
    if environment.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
        return None
    profile = environment.get("AWS_PROFILE")
    file = _shared_file(environment)
    if profile is None and _DEFAULT_PROFILE not in _sections(label, file):
        return None
    return _from_file(label, file, profile or _DEFAULT_PROFILE)


def _shared_file(environment: Mapping[str, str]) -> str:
    named = environment.get("AWS_SHARED_CREDENTIALS_FILE")
    return named or os.path.expanduser("~/.aws/credentials")


def _from_file(what: str, file: str, profile: str) -> Keys:
    section = _sections(what, file).get(profile)
    if section is None:
        raise UsageError(f"{what}: {file} has no section [{profile}]")
    access, secret = section.get("aws_access_key_id"), section.get("aws_secret_access_key")
    if not access or not secret:
        raise UsageError(
            f"{what}: [{profile}] in {file} needs aws_access_key_id and aws_secret_access_key"
        )
    return Keys(access, secret, section.get("aws_session_token"))


def _sections(what: str, file: str) -> dict[str, dict[str, str]]:
    """Return what a file of AWS's tools says, by section; nothing where there is no file."""
    parser = configparser.RawConfigParser(strict=False)
    try:
        with open(file, encoding="utf-8") as stream:
            text = stream.read(_FILE_LIMIT)
        parser.read_string(text)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f"{what}: {file} cannot be read: {error.strerror}") from error
    except (configparser.Error, UnicodeDecodeError):
        # Without its cause, which quotes lines of the file.
        raise UsageError(f"{what}: {file} is not a credentials file of AWS") from None
    return {name: dict(parser.items(name)) for name in parser.sections()}
