"""Stores, caches, index stores and failover groups: the places of chunks and indexes."""

from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, Field, PlainValidator, WithJsonSchema

from desync_jobs.manifest.authentication import CredentialsSpec, TlsSpec
from desync_jobs.manifest.base import Spec
from desync_jobs.manifest.encryption import EncryptionSpec
from desync_jobs.manifest.locations import Kind, Location, parse_location
from desync_jobs.manifest.policy import PolicySpec, TimeLimit
from desync_jobs.manifest.prices import PricesSpec
from desync_jobs.manifest.quantities import Duration, Size
from desync_jobs.manifest.scalars import Flag, WholeNumber
from desync_jobs.manifest.secrets import SecretSpec

_LOWEST_LEVEL: Final = 1
_HIGHEST_LEVEL: Final = 19
_NO_INDEXES: Final = {Kind.SSH, Kind.OCI}


def _place_url(text: str) -> str:
    parse_location(text)
    return text


def _index_place_url(text: str) -> str:
    if (kind := parse_location(text).kind) in _NO_INDEXES:
        raise ValueError(f"{kind.value} keeps no indexes")
    return text


_URL_SCHEMA: Final = {"type": "string", "minLength": 1}
PlaceURL: TypeAlias = Annotated[str, AfterValidator(_place_url), WithJsonSchema(_URL_SCHEMA)]
"""A directory, or a URL of one of the forms of `manifest/locations.py`."""
IndexPlaceURL: TypeAlias = Annotated[
    str, AfterValidator(_index_place_url), WithJsonSchema(_URL_SCHEMA)
]
"""The same, where indexes can be."""


def _option(value: object) -> str | int | float | bool:
    if not isinstance(value, str | int | float):
        raise ValueError("should be a string, a number, or true or false")  # noqa: TRY004 - pydantic collects ValueError
    return value


Option: TypeAlias = Annotated[
    str | int | float | bool,
    PlainValidator(_option),
    WithJsonSchema({"type": ["string", "number", "boolean"]}),
]
"""An argument for a library."""


class EndpointSpec(Spec):
    """A place, and how it is asked."""

    url: str
    """Where it is."""
    policy: PolicySpec = PolicySpec()
    """Retries, time limits and budgets; what is not said is as the job's own `policy` says."""
    tls: TlsSpec = TlsSpec()
    """Certificates."""
    http_auth: SecretSpec | None = None
    """The value of the `Authorization` header, sent as it is."""
    http_cookie: SecretSpec | None = None
    """The value of the `Cookie` header, sent as it is."""
    netrc: Flag = False
    """Whether the user's `.netrc` file says with which user and password to ask."""
    credentials: CredentialsSpec | None = None
    """What the place is asked with."""
    region: str | None = None
    """The region of S3; found out where it is not said."""
    options: dict[str, Option] = Field(default={})
    """Arguments of the fsspec file system."""
    secret_options: dict[str, SecretSpec] = Field(default={})
    """Further arguments of the fsspec file system, each with where its secret is found."""

    @property
    def location(self) -> Location:
        """The URL, taken apart."""
        return parse_location(self.url)


class PlaceSpec(EndpointSpec):
    """A place of chunks in the layout of casync's `.castr`, or one that a protocol hides."""

    url: PlaceURL
    """A directory relative to the job file, or a URL: `file://`, `http://`, `https://`,
    `s3+https://host/bucket/prefix`, `s3://bucket/prefix`, `gs://bucket/prefix`,
    `sftp://user@host/directory`, `ssh://user@host/directory`, `oci+https://registry/repository`, or
    any other that fsspec knows."""
    compression: Literal["zstd", "none"] = "zstd"
    """How chunks are stored: compressed as `.cacnk` files, or plain."""
    level: Annotated[int, WholeNumber(_LOWEST_LEVEL, _HIGHEST_LEVEL)] = 3
    """How hard zstd tries; higher is smaller and slower, and reads just as fast."""
    reads: Literal["either", "own"] = "either"
    """Which chunks are found: compressed and plain ones, or only those stored as `compression`
    says, as desync does it, which asks for each missing chunk once and not twice."""
    prices: PricesSpec | None = None
    """What its operator asks for bytes and requests; without it they are free."""
    encryption: EncryptionSpec | None = None
    """Encrypts the chunks; without it they are stored as they are."""
    skip_verify: Flag = False
    """Whether chunks are used without being held against their IDs. Only for a place that has
    done it already, and that nobody else writes to."""

    @property
    def directory(self) -> str | None:
        """The directory as a path, still relative to the job file where it was written so."""
        location = self.location
        return location.path if location.kind is Kind.DIRECTORY else None


class StoreSpec(PlaceSpec):
    """A chunk store: a place of chunks that operations read from or add to."""

    on_error: Literal["fail", "skip"] = "fail"
    """What happens where the store cannot answer: the operation fails, or the next store is
    asked."""
    leases: Flag = True
    """Whether who adds to the store says so in it, so that nobody deletes from it meanwhile. Not to
    be switched off where `prune` is used. A server that lets everybody overwrite, instead of one
    alone make what is new, must list what was written at once: a place in line, and a note of what
    was published lately, may be lost there, but no two ever have what excludes each other."""
    hedge_after: TimeLimit | None = None
    """How long this store may take for an answer before those after it are asked for the same
    chunks too; whichever answers first is used."""


class CacheSpec(PlaceSpec):
    """A cache: a place of chunks that is filled on the way and asked before the stores."""

    max_size: Size | None = None
    """The most stored bytes it may hold, such as `10 GiB`: chunks that were not used for longest
    are removed. Without it nothing is."""


class IndexStoreSpec(EndpointSpec):
    """How indexes of a place are asked for: it is used for every URL that begins with `url`."""

    url: IndexPlaceURL
    """The beginning of the URLs of indexes, in the forms of a store's."""


class FailoverGroupSpec(Spec):
    """Stores with the same chunks, any of which will do: named in `stores` like one of them."""

    members: Annotated[tuple[str, ...], Field(min_length=1)]
    """Names of the stores, the preferred first; one that fails is passed over for a while."""
    fail_back: Duration | None = None
    """How long a store that failed is left alone, by default `30s`."""
    missing: Literal["final", "next"] = "next"
    """What it means that a member does not have a chunk: no member has it, or the next is asked."""
