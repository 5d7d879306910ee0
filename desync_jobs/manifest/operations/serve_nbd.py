"""`serve-nbd`: a blob as a block device for clients of NBD."""

from typing import Annotated, ClassVar, Literal

from desync_jobs.manifest.nbd import NbdSpec
from desync_jobs.manifest.paths import FilePath
from desync_jobs.manifest.scalars import WholeNumber
from desync_jobs.manifest.serving import ListenAddress

_MOST_CONNECTIONS = 4096


class ServeNbdSpec(NbdSpec):
    """Serve a blob as a block device that is only read, over NBD, until stopped."""

    fixed: ClassVar[tuple[str, ...]] = (
        "index",
        "memory",
        "listen",
        "socket",
        "export",
        "connections",
        "drain",
    )

    kind: Literal["serve-nbd"]
    """Serves a blob as a block device."""
    listen: tuple[ListenAddress, ...] = ()
    """Where to listen: `HOST:PORT`, or `:PORT` for all addresses; port 0 is one that is free. By
    default only at `socket`, and without that at `localhost:10809`. Whoever can connect can read
    the blob: NBD has no passwords."""
    socket: FilePath | None = None
    """The path of a Unix socket to listen at; one that nobody serves any more is replaced."""
    export: str | None = None
    """What clients call the blob; by default the name of the index without its ending. Clients
    that give no name get it too."""
    connections: Annotated[int, WholeNumber(1, _MOST_CONNECTIONS)] = 64
    """The most connections; further ones are closed at once."""
