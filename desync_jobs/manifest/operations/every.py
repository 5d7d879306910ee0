"""Every kind of operation at once, which imports them all: for the JSON Schema and for types."""

from typing import Annotated, TypeAlias

from pydantic import Field

from desync_jobs.manifest.operations.archive_verify import ArchiveVerifySpec
from desync_jobs.manifest.operations.cache import CacheOpSpec
from desync_jobs.manifest.operations.cat import CatSpec
from desync_jobs.manifest.operations.chop import ChopSpec
from desync_jobs.manifest.operations.chunk import ChunkSpec
from desync_jobs.manifest.operations.diff import DiffSpec
from desync_jobs.manifest.operations.diff_indexes import DiffIndexesSpec
from desync_jobs.manifest.operations.digest import DigestSpec
from desync_jobs.manifest.operations.extract import ExtractSpec
from desync_jobs.manifest.operations.get import GetSpec
from desync_jobs.manifest.operations.info import InfoSpec
from desync_jobs.manifest.operations.inspect_chunks import InspectChunksSpec
from desync_jobs.manifest.operations.list import ListSpec
from desync_jobs.manifest.operations.list_chunks import ListChunksSpec
from desync_jobs.manifest.operations.make import MakeSpec
from desync_jobs.manifest.operations.migrate import MigrateSpec
from desync_jobs.manifest.operations.mkdev import MkdevSpec
from desync_jobs.manifest.operations.mount import MountTreeSpec
from desync_jobs.manifest.operations.mount_index import MountIndexSpec
from desync_jobs.manifest.operations.mtree import MtreeSpec
from desync_jobs.manifest.operations.prune import PruneSpec
from desync_jobs.manifest.operations.publish import PublishSpec
from desync_jobs.manifest.operations.pull import PullSpec
from desync_jobs.manifest.operations.put import PutSpec
from desync_jobs.manifest.operations.serve_chunks import ServeChunksSpec
from desync_jobs.manifest.operations.serve_indexes import ServeIndexesSpec
from desync_jobs.manifest.operations.serve_nbd import ServeNbdSpec
from desync_jobs.manifest.operations.tar import TarSpec
from desync_jobs.manifest.operations.unprune import UnpruneSpec
from desync_jobs.manifest.operations.untar import UntarSpec
from desync_jobs.manifest.operations.verify import VerifySpec
from desync_jobs.manifest.operations.verify_chunks import VerifyChunksSpec
from desync_jobs.manifest.operations.verify_index import VerifyIndexSpec

EveryOperation: TypeAlias = Annotated[
    MakeSpec
    | ExtractSpec
    | VerifyIndexSpec
    | VerifyChunksSpec
    | VerifySpec
    | ChopSpec
    | CacheOpSpec
    | CatSpec
    | ChunkSpec
    | ListChunksSpec
    | InfoSpec
    | InspectChunksSpec
    | DigestSpec
    | PullSpec
    | ServeChunksSpec
    | ServeIndexesSpec
    | MountIndexSpec
    | MountTreeSpec
    | ServeNbdSpec
    | MkdevSpec
    | TarSpec
    | UntarSpec
    | ListSpec
    | MtreeSpec
    | PutSpec
    | GetSpec
    | PruneSpec
    | UnpruneSpec
    | MigrateSpec
    | PublishSpec
    | ArchiveVerifySpec
    | DiffSpec
    | DiffIndexesSpec,
    Field(discriminator="kind"),
]
"""Any operation a manifest can declare."""
