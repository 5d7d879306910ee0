"""Where a store, an index or another place is: every form of URL, taken apart.

The forms are desync's (its README and `cmd/desync/store.go`): a directory, `file://`, `http[s]://`,
`s3+http[s]://host/bucket/prefix?lookup=…`, `gs://bucket/prefix`, `sftp://` and `ssh://[user@]host/path`,
`oci+http[s]://registry/repository`; further `s3://bucket/prefix` for AWS itself, and any other
scheme, which is fsspec's. A URL is taken apart and never rewritten: `text` is what was written.
"""

import os
import re
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from desync_jobs.manifest.paths import check_path, url_scheme

_LOOKUP: Final = "lookup"
_LOOKUPS: Final = ("auto", "dns", "path")
_BUCKET = re.compile("[A-Za-z0-9][A-Za-z0-9._:-]*")
_COMPONENT: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(f"{_COMPONENT}(?:/{_COMPONENT})*")
"""The OCI distribution specification's pattern of a repository's name."""


class Kind(Enum):
    """What is at a place, which decides the fields it can have; the value is what people read."""

    DIRECTORY = "a directory"
    HTTP = "an HTTP place"
    S3 = "an S3 place"
    GS = "a Google Cloud Storage place"
    SFTP = "an SFTP place"
    SSH = "a casync server over SSH"
    OCI = "an OCI registry"
    OTHER = "a place of fsspec"


@dataclass(frozen=True, slots=True)
class Location:
    """A place, taken apart; what its kind does not have is empty."""

    text: str
    """As written."""
    kind: Kind
    scheme: str
    """In lower case, such as `s3+https`; `file` for a path."""
    host: str = ""
    """In lower case; an IPv6 address without brackets."""
    port: int | None = None
    user: str = ""
    bucket: str = ""
    """Of S3 and Google Cloud Storage."""
    path: str = ""
    """A directory as a path; the key prefix in a bucket, without slashes at its ends; an OCI
    repository; for SFTP and SSH what follows the host, decoded; for HTTP the same as written."""
    lookup: str = "auto"
    """How S3 names a bucket: `dns`, `path`, or whatever its host suggests."""

    @property
    def endpoint(self) -> str | None:
        """The server of S3, OCI and HTTP as a URL without a path; None for AWS and the rest."""
        if not self.host or self.kind not in {Kind.HTTP, Kind.S3, Kind.OCI}:
            return None
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        return f"{self.scheme.rpartition('+')[2]}://{host}{port}"


def parse_location(text: str) -> Location:
    """Return what `text` names; `ValueError` with what to write instead where it cannot be."""
    scheme = url_scheme(check_path(text))
    if scheme is None:
        return Location(text, Kind.DIRECTORY, "file", path=text)
    scheme = scheme.lower()
    parts = _split(text)
    kind = _KINDS.get(scheme, Kind.OTHER)
    match kind:
        case Kind.DIRECTORY:
            return _directory(text, parts)
        case Kind.OTHER:
            return _other(text, scheme, parts)
        case _:
            return _remote(text, kind, scheme, parts)


def resolved(directory: str, text: str) -> str:
    """Return a path as an absolute and normalised one, and a URL as it is.

    Paths are relative to `directory`; a `file://` URL is a path.
    """
    location = parse_location(text)
    if location.kind is not Kind.DIRECTORY:
        return text
    return os.path.normpath(os.path.join(directory, location.path))


_KINDS: Final = {
    "file": Kind.DIRECTORY,
    "http": Kind.HTTP,
    "https": Kind.HTTP,
    "s3": Kind.S3,
    "s3+http": Kind.S3,
    "s3+https": Kind.S3,
    "gs": Kind.GS,
    "sftp": Kind.SFTP,
    "ssh": Kind.SSH,
    "oci+http": Kind.OCI,
    "oci+https": Kind.OCI,
}


def schemes_of(kind: Kind) -> tuple[str, ...]:
    """Return the schemes of URLs of `kind`; any that is not known is a place of fsspec."""
    return tuple(scheme for scheme, one in _KINDS.items() if one is kind) or ("others",)


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as error:
        raise ValueError(f"{text!r} is not a URL") from error
    if any(not character.isprintable() or character.isspace() for character in text):
        # `urlsplit` drops line ends and tabs without a word.
        raise ValueError(f"{text!r} has a space or a control character, which a URL quotes with %")
    return parts


def _directory(text: str, parts: SplitResult) -> Location:
    if parts.netloc not in ("", "localhost"):
        raise ValueError(f"{text!r} names another machine; a local store is file:///directory")
    if "?" in text or "#" in text:
        raise ValueError(f"{text!r} has a '?' or '#', which a file:// URL writes as %3F or %23")
    return Location(text, Kind.DIRECTORY, "file", path=check_path(unquote(parts.path)))


def _other(text: str, scheme: str, parts: SplitResult) -> Location:
    if parts.password is not None:
        raise ValueError("a password may not stand in a URL; give it under options, as a secret")
    return Location(text, Kind.OTHER, scheme, path=text.partition("://")[2])


def _remote(text: str, kind: Kind, scheme: str, parts: SplitResult) -> Location:
    user = _user(kind, parts)
    host = parts.hostname or ""
    if kind is Kind.GS:
        host = ""
    elif scheme == "s3":
        if parts.port is not None:
            raise ValueError("s3:// names a bucket of AWS; for another server write s3+https://")
        host = ""
    elif not host:
        raise ValueError(f"{scheme}:// needs the name of a host after it")
    _check_host(host)
    lookup = _query(kind, text, parts)
    location = Location(text, kind, scheme, host, parts.port, user, lookup=lookup)
    return _PATHS[kind](location, parts)


def _user(kind: Kind, parts: SplitResult) -> str:
    hint = _USER_HINTS.get(kind)
    if hint is not None and (parts.username is not None or parts.password is not None):
        raise ValueError(f"a user or password may not stand in this URL; {hint}")
    if parts.password is not None:
        raise ValueError("a password may not stand in a URL; use a key that your SSH agent has")
    user = unquote(parts.username or "")
    if user.startswith("-") or not user.isprintable():
        raise ValueError(f"{user!r} cannot be the name of a user")
    return user


_USER_HINTS: Final = {
    Kind.HTTP: "give http_auth as a secret, or netrc = true",
    Kind.S3: "give credentials, each key as a secret",
    Kind.GS: "give credentials = { file = … }, or use the default ones",
    Kind.OCI: "give credentials, the password as a secret, or log in with docker",
}


def _check_host(host: str) -> None:
    # A host that begins so would be an option of ssh, which can run any program.
    if host.startswith("-") or "\0" in unquote(host) or "%" in host:
        raise ValueError(f"{host!r} cannot be the name of a host")


def _query(kind: Kind, text: str, parts: SplitResult) -> str:
    if "#" in text:
        raise ValueError(f"{text!r} has a '#', which is written as %23")
    if "?" not in text:
        return "auto"
    if kind is not Kind.S3:
        raise ValueError(f"{text!r} has a '?', which would be lost; it is written as %3F in a path")
    options = parse_qsl(parts.query, keep_blank_values=True)
    if [name for name, _ in options] != [_LOOKUP] or options[0][1] not in _LOOKUPS:
        raise ValueError("after '?' only lookup=auto, lookup=dns or lookup=path is possible")
    return options[0][1]


def _http(location: Location, parts: SplitResult) -> Location:
    return replace(location, path=parts.path)


def _s3(location: Location, parts: SplitResult) -> Location:
    if location.scheme == "s3":
        return _gs(location, parts)
    bucket, _, prefix = unquote(parts.path).removeprefix("/").partition("/")
    return _in_bucket(location, bucket, prefix)


def _gs(location: Location, parts: SplitResult) -> Location:
    # The name of a bucket stands where other URLs have a host, and keeps its case.
    return _in_bucket(location, parts.netloc, unquote(parts.path))


def _in_bucket(location: Location, bucket: str, prefix: str) -> Location:
    if not _BUCKET.fullmatch(bucket):
        raise ValueError(f"{location.scheme}:// needs a bucket, which {bucket!r} cannot be")
    prefix = prefix.strip("/")
    if any(part in (".", "..") for part in prefix.split("/")):
        raise ValueError("a prefix may not have '.' or '..' in it")
    return replace(location, bucket=bucket, path=prefix)


def _over_ssh(location: Location, parts: SplitResult) -> Location:
    path = unquote(parts.path)
    if not path.strip("/"):
        raise ValueError(f"{location.scheme}:// needs a directory after the host")
    return replace(location, path=check_path(path))


def _registry(location: Location, parts: SplitResult) -> Location:
    repository = parts.path.strip("/")
    if not _REPOSITORY.fullmatch(repository):
        raise ValueError(
            f"{repository!r} cannot be a repository: lower-case letters and digits, "
            "'.', '_' and '-' between them, and '/' are possible"
        )
    return replace(location, path=repository)


_PATHS: Final = {
    Kind.HTTP: _http,
    Kind.S3: _s3,
    Kind.GS: _gs,
    Kind.SFTP: _over_ssh,
    Kind.SSH: _over_ssh,
    Kind.OCI: _registry,
}
