"""`serve-chunks`: a web server of chunks."""

from typing import Annotated, Literal

from pydantic import Field

from desync_jobs.manifest.access import Access, access
from desync_jobs.manifest.encryption import EncryptionSpec
from desync_jobs.manifest.quantities import Duration, Size
from desync_jobs.manifest.scalars import Flag, WholeNumber
from desync_jobs.manifest.serving import ServerSpec

_HIGHEST_LEVEL = 19


class ServeChunksSpec(ServerSpec):
    """Serve chunks over HTTP until stopped."""

    kind: Literal["serve-chunks"]
    """Serves chunks over HTTP."""
    stores: Annotated[tuple[str, ...], Field(min_length=1)]
    """Stores to take chunks from; a chunk that is missing in one is looked for in the next."""
    cache: str | None = None
    """The cache that is asked first, and filled with what the stores deliver."""
    cache_repair: Flag = True
    """Whether an invalid chunk in the cache is fetched again and replaced; otherwise it is an
    error."""
    writable: Flag = False
    """Whether clients may add chunks; to one store, and without a cache."""
    write_lease: Annotated[Duration, Field(validate_default=False)] = 600.0
    """How long after a client asked whether a chunk is there, or added one, nobody deletes from the
    store: the time that clients have to publish the index. It is also over when the server ended
    long enough ago; `leases = false` of the store wants none."""
    compression: Literal["zstd", "none"] = "zstd"
    """How chunks travel, whichever way a store keeps them: compressed, or plain."""
    level: Annotated[int, WholeNumber(1, _HIGHEST_LEVEL)] = 3
    """How hard zstd tries where a chunk has to be compressed on its way."""
    encryption: EncryptionSpec | None = None
    """Encrypts chunks on their way, whichever way a store keeps them."""
    verify_reads: Flag = False
    """Whether chunks are verified too that are sent from a file as they are. Clients verify what
    they get; other chunks always are."""
    verify_writes: Flag = True
    """Whether what clients add is held against its ID. Without it anybody who may write can store
    anything under any ID."""
    durability: Literal["full", "none"] = "full"
    """Whether a chunk that a client was told is kept survives a power cut, as far as that is for
    the server to say: `full` syncs the file system once for all clients who wait."""
    max_chunk_size: Size = 16 << 20
    """The largest chunk that clients may add, in plain bytes."""

    def access(self) -> Access:
        return access(
            uses_stores=[*self.stores, self.cache], adds_to=self.stores if self.writable else ()
        )
