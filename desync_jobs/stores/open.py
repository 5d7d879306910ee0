"""From specs to live stores; the only file that names concrete stores."""

import os
from collections.abc import Sequence

from desync_jobs.codecs.form import Form
from desync_jobs.manifest.stores import PlaceSpec
from desync_jobs.stores.base import ChunkSource, ChunkStore
from desync_jobs.stores.cached import CachedStore
from desync_jobs.stores.local import LocalStore
from desync_jobs.stores.reader import Reader
from desync_jobs.stores.router import StoreRouter


def open_store(name: str, spec: PlaceSpec, directory: str, reader: Reader) -> ChunkStore:
    """Open the store or cache that the manifest calls `name`; touches nothing yet.

    Relative paths are relative to `directory`, the absolute one of the job file.
    """
    path = os.path.normpath(os.path.join(directory, spec.path))
    writes = Form.PLAIN if spec.compression == "none" else Form.ZSTD
    return LocalStore(name, path, reader, writes=writes, level=spec.level)


def open_source(
    stores: Sequence[ChunkSource], cache: ChunkStore | None = None, *, repair: bool = True
) -> ChunkSource:
    """Return one source over `stores`, at least one, in their order, behind `cache`."""
    source = stores[0] if len(stores) == 1 else StoreRouter(stores)
    return source if cache is None else CachedStore(cache, source, repair=repair)
