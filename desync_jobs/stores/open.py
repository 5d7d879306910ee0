"""From specs to live stores: every place with the layers and wrappers that its spec asks for.

This file and the table of `drivers` are the only ones that name concrete stores. Opening sends
nothing and looks up no secret, but for the key of an encrypted store, which is part of its names.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from desync_jobs.codecs.form import Form
from desync_jobs.manifest.capability import Capability
from desync_jobs.manifest.job import Job
from desync_jobs.manifest.locations import Kind, Location, parse_location
from desync_jobs.manifest.policy import PolicySpec
from desync_jobs.manifest.stores import (
    CacheSpec,
    EndpointSpec,
    FailoverGroupSpec,
    PlaceSpec,
    StoreSpec,
)
from desync_jobs.stores.base import ChunkSource, ChunkStore
from desync_jobs.stores.cached import CachedStore
from desync_jobs.stores.forms import ChunkForms
from desync_jobs.stores.local import LocalStore
from desync_jobs.stores.objects.base import ObjectPlace
from desync_jobs.stores.objects.directory import DirectoryPlace
from desync_jobs.stores.places import Places
from desync_jobs.stores.policy.values import Stopper
from desync_jobs.stores.reader import Reader
from desync_jobs.stores.router import StoreRouter

if TYPE_CHECKING:
    from desync_jobs.stores.endpoint import Endpoint


_CHUNKS_ONLY: Final = frozenset({Kind.SSH, Kind.OCI})
"""Kinds of places in which every object is a chunk."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the places of one operation have in common."""

    job: Job
    reader: Reader
    stopper: Stopper
    notice: Callable[[str], None]
    """Is told, in words, what is not as it should be."""
    places: Places = field(default_factory=Places)
    """Those that are open already."""
    attempts: int | None = None
    """How often a place is asked, where its own policy does not decide that."""
    verifies_always: bool = False
    """Whether digests have to fit in places with `skip_verify` too."""


def open_store(name: str, around: Surroundings) -> ChunkStore:
    """Open the store or cache that the manifest calls `name`; touches nothing yet.

    `UsageError` where its key is none, or a library is missing.
    """
    spec = around.job.spec.place(name)
    if spec.directory is None:
        return _open_remote(name, spec, around)
    path = around.job.location(name)
    return LocalStore(name, path, _reader(spec, around), open_forms(name, around))


def open_forms(name: str, around: Surroundings) -> ChunkForms:
    """Return how chunks lie in the store or cache called `name`; looks up its key, if it has one.

    `UsageError` where that is none.
    """
    spec = around.job.spec.place(name)
    writes = Form.PLAIN if spec.compression == "none" else Form.ZSTD
    layer = None
    if spec.encryption is not None:
        # What most runs do not need is not imported for them.
        from desync_jobs.stores.encryption import open_cipher

        endpoint = _endpoint(name, spec, spec.location, around)
        key = endpoint.secret(spec.encryption.key, "encryption.key")
        layer = open_cipher(spec.encryption, key, endpoint.label)
    return ChunkForms(writes, level=spec.level, reads_both=spec.reads == "either", layer=layer)


def _reader(spec: PlaceSpec, around: Surroundings) -> Reader:
    """Return what chunks are held against: with `skip_verify` no digest has to fit."""
    trusted = spec.skip_verify and not around.verifies_always
    return replace(around.reader, algorithms=()) if trusted else around.reader


def _open_remote(name: str, spec: PlaceSpec, around: Surroundings) -> ChunkStore:
    from desync_jobs.stores.drivers import STORE_DRIVERS, open_other_store
    from desync_jobs.stores.objects.store import ObjectStore

    location = spec.location
    reader, forms = _reader(spec, around), open_forms(name, around)
    endpoint = _endpoint(name, spec, location, around)
    if location.kind in STORE_DRIVERS:
        return open_other_store(endpoint, reader, forms)
    place = open_objects(name, spec, location, around)
    return ObjectStore(place, reader, forms, endpoint.policy, around.stopper)


def open_objects(
    name: str, spec: EndpointSpec, location: Location, around: Surroundings
) -> ObjectPlace:
    """Return the place at `location`, which is asked as `spec` says and `name` in errors."""
    from desync_jobs.stores.drivers import open_place

    endpoint = _endpoint(name, spec, location, around)
    key = (name, location.text, around.attempts)
    return around.places.get(key, lambda: open_place(endpoint))


def open_place_of_store(name: str, around: Surroundings) -> ObjectPlace | None:
    """Return the objects behind the store or cache called `name`.

    None where its protocol knows nothing but chunks.
    """
    spec = around.job.spec.place(name)
    if spec.directory is not None:
        return DirectoryPlace(name, around.job.location(name))
    if spec.location.kind in _CHUNKS_ONLY:
        return None
    return open_objects(name, spec, spec.location, around)


def open_place_of_indexes(url: str, around: Surroundings) -> ObjectPlace:
    """Return the place at `url`, a URL or an absolute path, with all that is below it."""
    location = parse_location(url)
    if location.path and location.kind is Kind.DIRECTORY:
        return DirectoryPlace(url, location.path)
    from desync_jobs.stores.index_options import options_for

    spec = around.job.spec
    called, options = options_for(location, {**spec.stores, **spec.caches, **spec.index_stores})
    return open_objects(called, options, location, around)


def open_index_place(url: str, around: Surroundings) -> tuple[ObjectPlace, str]:
    """Return the place in which the index at `url` is or will be, and its name there."""
    from desync_jobs.manifest.indexes import split_index_url
    from desync_jobs.stores.index_options import options_for

    place, name = split_index_url(parse_location(url))
    location = parse_location(place)
    spec = around.job.spec
    called, options = options_for(location, {**spec.stores, **spec.caches, **spec.index_stores})
    return open_objects(called, options, location, around), name


def _endpoint(
    name: str, spec: EndpointSpec, location: Location, around: Surroundings
) -> "Endpoint":
    from desync_jobs.stores.endpoint import Endpoint, policy_of

    job = around.job
    policy = policy_of(spec.policy, job.spec.policy, job.spec.limits)
    if around.attempts is not None:
        policy = replace(policy, attempts=around.attempts)
    hosts = around.places.hosts
    stopper, notice = around.stopper, around.notice
    at_end = around.places.at_end
    return Endpoint(name, spec, location, job.directory, policy, hosts, stopper, notice, at_end)


def capabilities(name: str, around: Surroundings) -> frozenset[Capability]:
    """Return what the store, cache or failover group that the manifest calls `name` can do.

    Raises as `open_store` does, but looks up no key.
    """
    job = around.job
    if name in job.spec.failover_groups:
        return frozenset({Capability.READ, Capability.PRESENCE})
    spec = job.spec.place(name)
    if spec.directory is not None:
        return frozenset(Capability)
    from desync_jobs.stores.drivers import STORE_DRIVERS, capabilities_of

    if spec.location.kind in STORE_DRIVERS:
        return capabilities_of(_endpoint(name, spec, spec.location, around))
    return open_objects(name, spec, spec.location, around).capabilities


def open_source(names: Sequence[str], around: Surroundings) -> ChunkSource:
    """Return one source over the stores and failover groups `names`, at least one, in order."""
    rest: list[ChunkSource] = []
    for name in reversed(names):
        source, hedge_after = _member(name, around)
        if hedge_after is not None and rest:
            # Its threads are only worth their price where somebody asked for a race.
            from desync_jobs.stores.hedge import HedgedSource

            hedged = HedgedSource(source, _routed(rest), hedge_after)
            around.places.at_end(hedged.close)
            rest = [hedged]
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
    from desync_jobs.stores.endpoint import policy_of
    from desync_jobs.stores.failover import FailoverGroup, GroupRules, Missing

    # Asking another member is better than asking the same one again: the group does the repeating.
    members = [open_store(member, replace(around, attempts=1)) for member in spec.members]
    rules = GroupRules(
        Missing(spec.missing), policy=policy_of(PolicySpec(), around.job.spec.policy)
    )
    if spec.fail_back is not None:
        rules = replace(rules, fail_back=spec.fail_back)
    return FailoverGroup(name, members, rules, around.stopper, around.notice)
