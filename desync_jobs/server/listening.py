"""Sockets to listen on, and the certificates that are shown there."""

import errno
import os
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from desync_jobs.errors import ServerError
from desync_jobs.manifest.serving import Address

BACKLOG: Final = 1024
"""Connections that may wait to be accepted."""
_SEND_TIMEOUT: Final = 60_000
"""Milliseconds in which a client has to take something of what is sent to it."""
_NO_IPV6: Final = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


def bind(address: Address) -> list[socket.socket]:
    """Return listening sockets for `address`; several where a name has several addresses.

    `ServerError` where that is impossible.
    """
    if address.host:
        return [_listening(family, place) for family, place in _resolved(address)]
    try:
        # One socket for both families, unless the machine knows one alone.
        return [_listening(socket.AF_INET6, ("::", address.port))]
    except ServerError as error:
        cause = error.__cause__
        if not isinstance(cause, OSError) or cause.errno not in _NO_IPV6:
            raise
    return [_listening(socket.AF_INET, ("0.0.0.0", address.port))]  # noqa: S104 - what was asked for


def shared(sockets: Sequence[socket.socket], processes: int) -> list[list[socket.socket]]:
    """Return, for each of some processes, sockets that listen where `sockets` do, which it closes.

    What arrives is spread over them by the system (`SO_REUSEPORT`).
    """
    places = [(one.family, one.getsockname()[:2]) for one in sockets]
    for one in sockets:
        one.close()
    return [
        [_listening(family, place, many=True) for family, place in places] for _ in range(processes)
    ]


def _resolved(address: Address) -> list[tuple[socket.AddressFamily, tuple[str, int]]]:
    try:
        found = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (socket.gaierror, UnicodeError) as error:
        raise ServerError(f"cannot listen on {address.host}: {error}") from error
    return list(
        dict.fromkeys((family, (str(at[0]), address.port)) for family, _, _, _, at in found)
    )


def _listening(
    family: socket.AddressFamily, place: tuple[str, int], *, many: bool = False
) -> socket.socket:
    try:
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, many)
            if family is socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, place[0] != "::")
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _SEND_TIMEOUT)
            listener.bind(place)
            listener.listen(BACKLOG)
            listener.setblocking(False)  # noqa: FBT003 - the name says it
        except BaseException:
            listener.close()
            raise
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise ServerError(f"cannot listen on {_written(place)}: {reason}") from error
    return listener


def urls(sockets: Sequence[socket.socket], scheme: str) -> list[str]:
    """Return where clients find what listens on `sockets`, without a path."""
    return [f"{scheme}://{_written(one.getsockname()[:2])}" for one in sockets]


def _written(place: tuple[str, int]) -> str:
    host, port = place
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files of a server's certificates."""

    cert: str
    key: str
    client_ca: str | None = None
    """Authorities of clients, which have to show a certificate."""

    def context(self) -> ssl.SSLContext:
        """Read the files; `ServerError` where they are no certificates, or not of that key."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        path = self.cert
        try:
            # Without a question for a passphrase, which nobody is there to answer.
            context.load_cert_chain(self.cert, self.key, password="")
            if self.client_ca is not None:
                path = self.client_ca
                context.load_verify_locations(self.client_ca)
                context.verify_mode = ssl.CERT_REQUIRED
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            files = path if path == self.client_ca else f"{self.cert} with {self.key}"
            raise ServerError(f"certificate {files} cannot be used: {reason.lower()}") from error
        return context
