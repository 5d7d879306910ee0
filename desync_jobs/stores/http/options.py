"""How a client reaches its servers: certificates, credentials, time limits; put on curl handles."""

import os
import tempfile
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import ceil
from threading import Lock
from typing import Any, Final, Protocol

import pycurl

from desync_jobs._version import __version__
from desync_jobs.errors import UsageError
from desync_jobs.stores.http.messages import Response
from desync_jobs.stores.policy.values import Policy

_REDIRECTS: Final = 10
_BUFFER: Final = 128 << 10
_DEAD_BYTES: Final = 1
_SYSTEM_BUNDLES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/etc/ssl/cert.pem",
)


@dataclass(frozen=True, slots=True)
class Tls:
    """Whom to trust, and who we are; paths of PEM files."""

    ca: str | None = None
    """Certificate authorities to trust besides those of the system."""
    ca_only: bool = False
    """Trust those of `ca` alone."""
    client_cert: str | None = None
    client_key: str | None = None
    trust_insecure: bool = False
    """Verify nothing: whoever can reach the network can be the server."""


class HeaderLines(Protocol):
    """Where a client gets the header lines that say who it is. Safe to call from many threads."""

    def current(self) -> tuple[int, tuple[str, ...]]:
        """Return the lines, and a number that changes with them."""
        ...

    def renew(self, generation: int, refusal: Response) -> bool:
        """Tell whether there are other lines than those of `generation`, which were refused."""
        ...


class Credentials:
    """Header lines that are secrets; found out at first use, and again when they are refused.

    `resolve` returns the lines as they are now. Safe to call from many threads.
    """

    def __init__(self, resolve: Callable[[], Sequence[str]] = tuple) -> None:
        self._resolve = resolve
        self._lock = Lock()
        self._generation = 0
        self._lines: tuple[str, ...] = ()

    def current(self) -> tuple[int, tuple[str, ...]]:
        """Return the lines, and a number that changes with them."""
        with self._lock:
            if not self._generation:
                self._lines = self._read()
                self._generation = 1
            return self._generation, self._lines

    def renew(self, generation: int, refusal: Response) -> bool:
        """Tell whether there are other lines than those of `generation`, which were refused."""
        del refusal
        with self._lock:
            if generation == self._generation:
                lines = self._read()
                if lines == self._lines:
                    return False
                self._lines = lines
                self._generation += 1
            return True

    def _read(self) -> tuple[str, ...]:
        lines = tuple(self._resolve())
        for line in lines:
            if not line.isprintable():
                header = line.partition(":")[0]
                raise UsageError(f"the secret for the header {header!a} is more than one line")
        return lines


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """Everything about a client but what it asks for."""

    policy: Policy = field(default_factory=Policy)
    tls: Tls = field(default_factory=Tls)
    credentials: HeaderLines = field(default_factory=Credentials)
    netrc: bool = False
    """Take user names and passwords from ~/.netrc."""


class Setup:
    """Prepares curl handles. Keeps a file of authorities where they come from two places."""

    def __init__(self, options: HttpOptions) -> None:
        self._options = options
        self._authorities = self._find_authorities(options.tls)

    def prepare(self, curl: Any) -> None:
        """Set on a new handle what is the same for all requests."""
        policy = self._options.policy
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.USERAGENT, f"desync-run/{__version__}")
        curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        curl.setopt(pycurl.REDIR_PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        curl.setopt(pycurl.MAXREDIRS, _REDIRECTS)
        # Off, it also keeps header lines of ours from other hosts, ports and protocols.
        curl.setopt(pycurl.UNRESTRICTED_AUTH, 0)
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2TLS)
        curl.setopt(pycurl.BUFFERSIZE, _BUFFER)
        curl.setopt(pycurl.TCP_KEEPALIVE, 1)
        curl.setopt(pycurl.CONNECTTIMEOUT_MS, _milliseconds(policy.connect_timeout))
        curl.setopt(pycurl.LOW_SPEED_LIMIT, _DEAD_BYTES)
        curl.setopt(pycurl.LOW_SPEED_TIME, ceil(policy.timeout))
        if self._options.netrc:
            curl.setopt(pycurl.NETRC, pycurl.NETRC_OPTIONAL)
        self._prepare_tls(curl, self._options.tls)

    def limit_time(self, curl: Any, size: int) -> None:
        """Limit how long one attempt takes that moves at most `size` bytes, and how fast it does.

        The host's budget paces bodies one after the other. libcurl is only asked to slow down
        those that take longer than a second: it lets short ones stand still now and then until
        their time is over (seen with 8.23, one batch in twelve).
        """
        policy = self._options.policy
        curl.setopt(pycurl.TIMEOUT_MS, _milliseconds(policy.time_for(size)))
        if policy.bandwidth is not None:
            speed = policy.bandwidth if size > policy.bandwidth else 0
            curl.setopt(pycurl.MAX_RECV_SPEED_LARGE, speed)
            curl.setopt(pycurl.MAX_SEND_SPEED_LARGE, speed)

    def _prepare_tls(self, curl: Any, tls: Tls) -> None:
        if tls.trust_insecure:
            curl.setopt(pycurl.SSL_VERIFYPEER, 0)
            curl.setopt(pycurl.SSL_VERIFYHOST, 0)
        if self._authorities is not None:
            curl.setopt(pycurl.CAINFO, self._authorities)
        if tls.client_cert is not None:
            curl.setopt(pycurl.SSLCERT, tls.client_cert)
        if tls.client_key is not None:
            curl.setopt(pycurl.SSLKEY, tls.client_key)

    def _find_authorities(self, tls: Tls) -> str | None:
        """Return the file of authorities; None to leave it to libcurl.

        A file, since libcurl parses one only once for many connections, but not several.
        """
        system = _system_bundle()
        if tls.ca is None:
            return system
        if tls.ca_only or system is None:
            return tls.ca
        together = _content(system) + b"\n" + _content(tls.ca)
        with tempfile.NamedTemporaryFile(prefix="desync-run-ca-", delete=False) as file:
            weakref.finalize(self, os.unlink, file.name)
            file.write(together)
        return file.name


def _system_bundle() -> str | None:
    """Return the system's authorities, as the environment of curl and OpenSSL names them.

    A libcurl from a wheel was built on another system and does not know this one's.
    """
    named = os.environ.get("CURL_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE")
    return named or next((path for path in _SYSTEM_BUNDLES if os.path.exists(path)), None)


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        reason = error.strerror
        raise UsageError(f"cannot read the certificate authorities in {path}: {reason}") from error


def _milliseconds(seconds: float) -> int:
    return max(1, min(ceil(seconds * 1000), (1 << 31) - 1))
