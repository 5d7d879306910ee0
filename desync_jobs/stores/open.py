"""From specs to live stores; the only file that names concrete stores."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from desync_jobs.codecs.form import Form
from desync_jobs.errors import UsageError
from desync_jobs.manifest.job import Job
from desync_jobs.manifest.stores import CacheSpec, FailoverGroupSpec, PlaceSpec, StoreSpec
from desync_jobs.stores.base import ChunkSource, ChunkStore
from desync_jobs.stores.cached import CachedStore
from desync_jobs.stores.local import LocalStore
from desync_jobs.stores.policy.values import Stopper
from desync_jobs.stores.reader import Reader
from desync_jobs.stores.router import StoreRouter


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the stores of one operation have in common."""

    job: Job
    reader: Reader
    stopper: Stopper
    notice: Callable[[str], None]
    """Is told, in words, what is not as it should be."""


def open_store(name: str, around: Surroundings) -> ChunkStore:
    """Open the store or cache that the manifest calls `name`; touches nothing yet.

    `UsageError` where this version cannot do what its spec says.
    """
    job, reader = around.job, around.reader
    spec = job.spec.place(name)
    if spec.directory is None:
        raise UsageError(f"store {name}: this version does not know {spec.location.scheme}://")
    _refuse_unknown(name, spec)
    path = os.path.normpath(os.path.join(job.directory, spec.directory))
    writes = Form.PLAIN if spec.compression == "none" else Form.ZSTD
    return LocalStore(name, path, reader, writes=writes, level=spec.level)


def _refuse_unknown(name: str, spec: PlaceSpec) -> None:
    for key, known in (("encryption", None), ("skip_verify", False), ("reads", "either")):
        if getattr(spec, key) != known:
            raise UsageError(f"store {name}: this version does not know {key}; leave it out")


def open_source(names: Sequence[str], around: Surroundings) -> ChunkSource:
    """Return one source over the stores and failover groups `names`, at least one, in order."""
    rest: list[ChunkSource] = []
    for name in reversed(names):
        source, hedge_after = _member(name, around)
        if hedge_after is not None and rest:
            # Its threads are only worth their price where somebody asked for a race.
            from desync_jobs.stores.hedge import HedgedSource

            rest = [HedgedSource(source, _routed(rest), hedge_after)]
        else:
            rest = [source, *rest]
    return _routed(rest)


def _routed(sources: Sequence[ChunkSource]) -> ChunkSource:
    return sources[0] if len(sources) == 1 else StoreRouter(sources)


def open_behind_cache(
    name: str, source: ChunkSource, around: Surroundings, *, repair: bool
) -> ChunkSource:
    """Return `source` behind the cache called `name`, which is filled from it."""
    cache = open_store(name, around)
    spec = around.job.spec.place(name)
    limit = None
    if isinstance(spec, CacheSpec) and spec.max_size is not None:
        from desync_jobs.stores.eviction import SizeLimit

        limit = SizeLimit(cache, spec.max_size)
    return CachedStore(cache, source, limit, repair=repair)


def _member(name: str, around: Surroundings) -> tuple[ChunkSource, float | None]:
    """Return a source, and after how many seconds without an answer those after it are asked."""
    group = around.job.spec.failover_groups.get(name)
    if group is not None:
        return _open_group(name, group, around), None
    store = open_store(name, around)
    spec = around.job.spec.place(name)
    if not isinstance(spec, StoreSpec):
        return store, None
    if spec.on_error == "fail":
        return store, spec.hedge_after
    from desync_jobs.stores.tolerant import TolerantSource

    return TolerantSource(store, around.notice), spec.hedge_after


def _open_group(name: str, spec: FailoverGroupSpec, around: Surroundings) -> ChunkSource:
    from desync_jobs.stores.failover import FailoverGroup, GroupRules, Missing

    members = [open_store(member, around) for member in spec.members]
    rules = GroupRules(Missing(spec.missing))
    if spec.fail_back is not None:
        rules = replace(rules, fail_back=spec.fail_back)
    return FailoverGroup(name, members, rules, around.stopper, around.notice)
