"""What desync's configuration says of a place, as the keys that a manifest has for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from desync_jobs.cli.desync.config import OCI, OPTIONS, S3, Entry
from desync_jobs.errors import UsageError
from desync_jobs.manifest.locations import Kind, Location

FindSecret: TypeAlias = Callable[[tuple[str, str, str]], dict[str, object]]
"""Says where a secret of the configuration is: from section, location and key, to the table that a
manifest has for it."""

_EVERYWHERE: Final = frozenset(Kind)
_REMOTE: Final = _EVERYWHERE - {Kind.DIRECTORY}
_CHUNK_FILES: Final = _EVERYWHERE - {Kind.SSH}
_TLS: Final = frozenset({Kind.HTTP, Kind.OCI})
_HTTP: Final = frozenset({Kind.HTTP})
_MEANT_FOR: Final[Mapping[str, frozenset[Kind]]] = {
    "client-cert": _TLS,
    "client-key": _TLS,
    "ca-cert": _TLS,
    "trust-insecure": _TLS,
    "http-auth": _HTTP,
    "http-cookie": _HTTP,
    "timeout": _REMOTE,
    "error-retry": _REMOTE,
    "error-retry-base-interval": _REMOTE,
    "skip-verify": _CHUNK_FILES,
    "uncompressed": _CHUNK_FILES,
    "encryption": _CHUNK_FILES,
    "encryption-algorithm": _CHUNK_FILES,
    "encryption-key": _CHUNK_FILES,
}
_CHUNKS_ONLY: Final = frozenset({"skip-verify", "uncompressed"})
"""What a place of indexes does not have."""
_ENCRYPTION: Final = ("encryption", "encryption-algorithm", "encryption-key")

_NANOSECONDS: Final = 1_000_000_000
_NO_LIMIT: Final = "1d"
"""A negative time limit is none, which a policy does not have."""
_MOST_ATTEMPTS: Final = 100


@dataclass(frozen=True, slots=True)
class Said:
    """What an entry says of one place."""

    keys: Mapping[str, Any]
    """The keys of the place in a manifest."""
    without_effect: tuple[str, ...] = ()
    """What such a place does not have, by desync's names."""


def said_by_options(
    where: str, entry: Entry, kind: Kind, secret: FindSecret, *, of_indexes: bool = False
) -> Said:
    """Return what an entry of `store-options`, the one under `where`, says of a place of `kind`.

    `UsageError` where it asks for encryption by half, or of indexes.
    """
    given = {key: value for key, value in entry.items() if value != ""}
    foreign = {key for key in given if kind not in _MEANT_FOR.get(key, _EVERYWHERE)}
    if of_indexes:
        if any(given.get(key) for key in _ENCRYPTION):
            raise UsageError(
                f"{OPTIONS} {where!r}: encryption is asked for, but indexes are not encrypted; "
                "keep them elsewhere than the chunks"
            )
        foreign |= _CHUNKS_ONLY & given.keys()
    said = {key: value for key, value in given.items() if key not in foreign}
    secrets = {
        theirs.replace("-", "_"): secret((OPTIONS, where, theirs))
        for theirs in ("http-auth", "http-cookie")
        if theirs in said
    }
    keys = {
        "policy": _policy(said),
        "tls": _tls(said),
        **secrets,
        "skip_verify": said.get("skip-verify") or None,
        "compression": "none" if said.get("uncompressed") else None,
        "encryption": _encryption(where, said, secret),
    }
    useless = sorted(key for key in foreign if given[key])
    return Said({key: value for key, value in keys.items() if value}, tuple(useless))


def said_by_credentials(
    where: str, entry: Entry, location: Location, secret: FindSecret
) -> dict[str, Any]:
    """Return what an entry of `s3-credentials` or `oci-credentials` says of the place."""
    if not entry:
        return {}
    if location.kind is Kind.OCI:
        pair = {"username": "username", "password": "secret"}
        return {"credentials": {ours: secret((OCI, where, their)) for ours, their in pair.items()}}
    keys: dict[str, Any] = {"region": entry.get("aws-region")}
    if entry.get("access-key") and entry.get("secret-key"):
        names = {"access_key": "access-key", "secret_key": "secret-key"}
        keys["credentials"] = {ours: secret((S3, where, their)) for ours, their in names.items()}
    else:
        found = {"file": entry.get("aws-credentials-file"), "profile": entry.get("aws-profile")}
        keys["credentials"] = {key: value for key, value in found.items() if value}
    return {key: value for key, value in keys.items() if value}


def _policy(said: Entry) -> dict[str, object]:
    policy: dict[str, object] = {}
    if "error-retry" in said:
        policy["attempts"] = min(max(1, said["error-retry"]), _MOST_ATTEMPTS)
    if "error-retry-base-interval" in said:
        policy["backoff"] = _duration(max(0, said["error-retry-base-interval"]))
    timeout = said.get("timeout", 0)
    if timeout:
        policy["timeout"] = _NO_LIMIT if timeout < 0 else _duration(timeout)
    return policy


def _duration(nanoseconds: int) -> str:
    from desync_jobs.manifest.quantities import format_duration

    # A policy counts milliseconds, of which a time that is not nothing has one at least.
    shortest = 0.001 if nanoseconds else 0.0
    return format_duration(max(shortest, nanoseconds / _NANOSECONDS))


def _tls(said: Entry) -> dict[str, object]:
    """Desync trusts the certificates of `ca-cert` alone."""
    keys = {
        "ca": said.get("ca-cert"),
        "ca_only": "ca-cert" in said or None,
        "client_cert": said.get("client-cert"),
        "client_key": said.get("client-key"),
        "trust_insecure": said.get("trust-insecure") or None,
    }
    return {key: value for key, value in keys.items() if value}


def _encryption(where: str, said: Entry, secret: FindSecret) -> dict[str, object] | None:
    if not said.get("encryption"):
        if any(key in said for key in _ENCRYPTION[1:]):
            raise UsageError(
                f"{OPTIONS} {where!r}: a key or an algorithm of encryption is given, but not "
                '"encryption": true'
            )
        return None
    # Without a key in the file it is that of DESYNC_ENCRYPTION_KEY, which a manifest takes by
    # itself; it is said, since an empty table would be no encryption to whoever reads it.
    key = (
        secret((OPTIONS, where, "encryption-key"))
        if "encryption-key" in said
        else {"env": "DESYNC_ENCRYPTION_KEY"}
    )
    algorithm = said.get("encryption-algorithm")
    return {"key": key, **({} if algorithm is None else {"algorithm": algorithm})}
