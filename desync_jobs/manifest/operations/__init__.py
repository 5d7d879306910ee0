"""Every kind of operation a job may hold, one a file; the closed union is the registry.

May import `manifest`'s field types, `core` and pydantic. Must not decide or do
anything: a spec holds what was written and says what it touches (`access`).
A kind is added here and in `every`, in `planner/operations`, in `execute/operations` and in
`examples`, under the same name. A kind is imported when a job has it: a class takes a
millisecond to make, and a job has one or two kinds.
"""

from typing import TYPE_CHECKING, Annotated, Final

from desync_jobs.manifest.base import OperationBase
from desync_jobs.manifest.kinds import ByKind, Kinds

KINDS: Final = Kinds(
    __name__,
    {
        "make": "MakeSpec",
        "extract": "ExtractSpec",
        "verify-index": "VerifyIndexSpec",
        "verify-chunks": "VerifyChunksSpec",
        "verify": "VerifySpec",
        "chop": "ChopSpec",
        "cache": "CacheOpSpec",
        "cat": "CatSpec",
        "chunk": "ChunkSpec",
        "list-chunks": "ListChunksSpec",
        "info": "InfoSpec",
        "inspect-chunks": "InspectChunksSpec",
        "digest": "DigestSpec",
        "pull": "PullSpec",
        "serve-chunks": "ServeChunksSpec",
        "serve-indexes": "ServeIndexesSpec",
        "mount-index": "MountIndexSpec",
        "mount": "MountTreeSpec",
        "serve-nbd": "ServeNbdSpec",
        "mkdev": "MkdevSpec",
        "tar": "TarSpec",
        "untar": "UntarSpec",
        "list": "ListSpec",
        "mtree": "MtreeSpec",
        "put": "PutSpec",
        "get": "GetSpec",
        "prune": "PruneSpec",
        "unprune": "UnpruneSpec",
        "migrate": "MigrateSpec",
        "publish": "PublishSpec",
        "archive-verify": "ArchiveVerifySpec",
        "diff": "DiffSpec",
        "diff-indexes": "DiffIndexesSpec",
    },
)
"""The class of each kind, by the word after `kind =`; a test holds it equal to the union."""

if TYPE_CHECKING:
    from desync_jobs.manifest.operations.every import EveryOperation as OperationSpec
else:
    OperationSpec = Annotated[OperationBase, ByKind(KINDS)]
    """Any operation a manifest can declare."""

__all__ = ["KINDS", "OperationSpec"]
