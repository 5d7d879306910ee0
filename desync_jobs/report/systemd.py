"""A run's state for a service manager: the protocol of sd_notify(3).

A datagram of lines `KEY=VALUE` to the Unix socket that the manager named. A unit with
`Type=notify` is started when a server listens or a file system is mounted.
"""

import socket
from contextlib import suppress
from typing import Final

from desync_jobs.report.events import Attached, Event, Listening, Mounted, Stopping

_ABSTRACT: Final = "@"


class SystemdReporter:
    """Tells the manager at `address`: a path, or the name of an abstract socket after `@`."""

    def __init__(self, address: str) -> None:
        self._address = (
            "\0" + address.removeprefix(_ABSTRACT) if address.startswith(_ABSTRACT) else address
        )

    def emit(self, event: Event) -> None:
        match event:
            case Listening() | Mounted() | Attached():
                self._send("READY=1")
            case Stopping():
                self._send("STOPPING=1")
            case _:
                pass

    def close(self) -> None:
        """Have nothing to release."""

    def _send(self, state: str) -> None:
        # Whoever asked to be told and does not listen any more is told nothing.
        with (
            suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sending,
        ):
            sending.sendto(state.encode(), self._address)
