"""One SSH connection with an SFTP channel, made when it is needed and again when it is broken."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import asyncssh

from desync_jobs.errors import DesyncRunError
from desync_jobs.stores.policy.retry import Failure, Fault

_ALIVE_EVERY: Final = 15
"""Seconds of silence after which the server is asked whether it is there; three times."""

_LOST: Final = (
    asyncssh.ConnectionLost,
    asyncssh.ChannelOpenError,
    asyncssh.SFTPConnectionLost,
    asyncssh.SFTPNoConnection,
    ConnectionError,
)
"""What says that the connection is no more."""
_PERMANENT: Final = (
    asyncssh.PermissionDenied,
    asyncssh.HostKeyNotVerifiable,
    asyncssh.KeyExchangeFailed,
    asyncssh.ConfigParseError,
    asyncssh.KeyImportError,
    asyncssh.SFTPPermissionDenied,
    asyncssh.SFTPOpUnsupported,
    asyncssh.SFTPNoSuchFile,
    asyncssh.SFTPNoSpaceOnFilesystem,
    asyncssh.SFTPQuotaExceeded,
)


@dataclass(frozen=True, slots=True)
class SftpOptions:
    """Where to connect; what is empty or None is as the user's SSH configuration says."""

    host: str
    port: int | None
    user: str
    connect_timeout: float


class SftpSession:
    """Gives the SFTP channel to who asks, all of them in one event loop."""

    def __init__(self, options: SftpOptions) -> None:
        self._options = options
        self._connecting = asyncio.Lock()
        self._connection: asyncssh.SSHClientConnection | None = None
        self._client: asyncssh.SFTPClient | None = None
        self._answers = 0

    @asynccontextmanager
    async def client(self) -> AsyncIterator[asyncssh.SFTPClient]:
        """Lend the channel for one operation; a lost connection is made again for the next.

        So is one that has answered nobody while this operation ran out of time.
        """
        client = await self._open()
        before = self._answers
        try:
            yield client
        except _LOST:
            self._drop(client)
            raise
        except asyncio.CancelledError:
            if self._answers == before:
                self._drop(client)
            raise
        self._answers += 1

    def close(self) -> None:
        """Let go of the connection, in the loop that has it."""
        if self._client is not None:
            self._drop(self._client)

    async def _open(self) -> asyncssh.SFTPClient:
        async with self._connecting:
            if self._client is not None and self._connection is not None:
                if not self._connection.is_closed():
                    return self._client
                self._drop(self._client)
            self._connection = await asyncssh.connect(**self._arguments())
            self._client = await self._connection.start_sftp_client()
            return self._client

    def _arguments(self) -> dict[str, Any]:
        options = self._options
        arguments: dict[str, Any] = {
            "host": options.host,
            "connect_timeout": options.connect_timeout,
            "login_timeout": options.connect_timeout,
            "keepalive_interval": _ALIVE_EVERY,
        }
        if options.port is not None:
            arguments["port"] = options.port
        if options.user:
            arguments["username"] = options.user
        return arguments

    def _drop(self, client: asyncssh.SFTPClient) -> None:
        if client is self._client and self._connection is not None:
            self._connection.abort()
            self._connection = self._client = None


def failure_of(error: Exception) -> Failure:
    """Return what an exception of asyncssh is for the policy; raises what is none of its."""
    if isinstance(error, DesyncRunError):
        raise error
    if isinstance(error, asyncio.TimeoutError):
        return Failure("no answer in time", Fault.OVERLOAD)
    text = getattr(error, "reason", "") or str(error) or type(error).__name__
    line = text.partition("\n")[0]
    shown = "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in line)
    return Failure(shown, Fault.PERMANENT if isinstance(error, _PERMANENT) else Fault.TRANSIENT)
