"""The command line that connects to a store on another machine, as casync and desync write it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SshPlace:
    """Where a store is: `ssh://user@host:port/path`."""

    host: str
    path: str
    """Absolute on the other machine."""
    user: str | None = None
    port: int | None = None


def pull_command(place: SshPlace, environment: Mapping[str, str]) -> list[str]:
    """Return the arguments that start `casync pull` for a store, without an index or archive.

    `CASYNC_SSH_PATH` names another program for `ssh`, `CASYNC_REMOTE_PATH` the command
    on the other machine, which its shell splits. Raises `ValueError` for a host that `ssh` would
    take for an option.
    """
    if place.host.startswith("-") or (place.user or "").startswith("-"):
        raise ValueError(f"{place.host!r} is not a host")
    ssh = environment.get("CASYNC_SSH_PATH") or "ssh"
    remote = environment.get("CASYNC_REMOTE_PATH") or "casync"
    port = [] if place.port is None else ["-p", str(place.port)]
    destination = place.host if place.user is None else f"{place.user}@{place.host}"
    return [ssh, *port, "--", destination, f"{remote} pull - - - {_quoted(place.path)}"]


def _quoted(path: str) -> str:
    """Quote for a POSIX shell; always, so that the same path always looks the same."""
    escaped = path.replace("'", "'\\''")
    return f"'{escaped}'"
