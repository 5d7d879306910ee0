"""What every server has: addresses, certificates, who may ask, limits."""

import re
from typing import Annotated, ClassVar, Final, NamedTuple, TypeAlias

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from desync_jobs.manifest.base import Spec
from desync_jobs.manifest.endless import EndlessSpec
from desync_jobs.manifest.paths import FilePath, StreamPath
from desync_jobs.manifest.quantities import Duration
from desync_jobs.manifest.scalars import Flag, WholeNumber
from desync_jobs.manifest.secrets import SecretSpec

_ADDRESS: Final = re.compile(r"(?:\[([0-9A-Fa-f:.%a-z]*)\]|([^\[\]:/\s]*)):([A-Za-z0-9-]+)")
_LAST_PORT: Final = 65535
_SERVICES: Final = {"http": 80, "https": 443}
_MOST_PROCESSES: Final = 256
_MOST_CONNECTIONS: Final = 1_000_000


class Address(NamedTuple):
    """Where a server listens."""

    host: str
    """A name or an address; empty for all addresses of the machine."""
    port: int
    """0 for one that is free."""


def parse_address(text: str) -> Address:
    """Return the address in `127.0.0.1:8080`, `[::1]:8080`, `name:8080` or `:http`.

    `ValueError` with what to write instead.
    """
    match = _ADDRESS.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{text!r} is not an address; write HOST:PORT, or :PORT for all addresses, and an "
            "IPv6 address in brackets"
        )
    port = _SERVICES.get(match[3])
    if port is None and match[3].isdecimal() and len(match[3]) <= len(str(_LAST_PORT)):
        port = int(match[3])
    if port is None or port > _LAST_PORT:
        raise ValueError(f"{match[3]!r} is not a port; there are 0 to {_LAST_PORT}, http and https")
    return Address(match[1] or match[2] or "", port)


def _address(text: str) -> str:
    parse_address(text)
    return text


ListenAddress: TypeAlias = Annotated[
    str, AfterValidator(_address), WithJsonSchema({"type": "string", "minLength": 2})
]
"""`HOST:PORT`, or `:PORT` for all addresses of the machine."""


class ServerTlsSpec(Spec):
    """Certificates of a server; they are read again when the server is told to reload."""

    cert: FilePath
    """The certificate that is shown, with those between it and its authority, a PEM file."""
    key: FilePath
    """The key of `cert`, a PEM file."""
    client_ca: FilePath | None = None
    """Authorities whose certificates clients have to show, a PEM file; needs `mutual`."""
    mutual: Flag = False
    """Whether clients have to show a certificate of `client_ca`."""

    @model_validator(mode="after")
    def _together(self) -> "ServerTlsSpec":
        if self.mutual and self.client_ca is None:
            raise ValueError("mutual needs client_ca, the authorities of clients")
        if self.client_ca is not None and not self.mutual:
            raise ValueError("client_ca needs mutual = true; clients are not asked otherwise")
        return self


class ServerSpec(EndlessSpec):
    """An operation that serves over HTTP until it is stopped."""

    fixed: ClassVar[tuple[str, ...]] = ("listen", "connections", "processes", "access_log", "drain")

    listen: Annotated[tuple[ListenAddress, ...], Field(min_length=1)] = (":80",)
    """Where to listen: `HOST:PORT`, or `:PORT` for all addresses; port 0 is one that is free."""
    tls: ServerTlsSpec | None = None
    """Certificates; with them the server speaks https, without them http."""
    authorization: SecretSpec | None = None
    """The value that the `Authorization` header of every request must have; `/healthz` alone
    is answered without it."""
    connections: Annotated[int, WholeNumber(1, _MOST_CONNECTIONS)] = 1024
    """The most connections of each process; further ones are refused."""
    processes: Annotated[int, WholeNumber(1, _MOST_PROCESSES)] = 1
    """How many processes share the work."""
    access_log: StreamPath | None = None
    """The file that gets a line for each request; `-` is standard error."""
    drain: Annotated[Duration, Field(validate_default=False)] = 30.0
    """How long requests under way may take to finish when the server is stopped."""
