"""A job: what a manifest says, and where it stands."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal

from pydantic import Field

from desync_jobs.manifest import globs
from desync_jobs.manifest.base import Spec
from desync_jobs.manifest.engine import EngineSpec, LocalEngineSpec
from desync_jobs.manifest.limits import LimitsSpec
from desync_jobs.manifest.locations import Kind, resolved
from desync_jobs.manifest.lock import Lock
from desync_jobs.manifest.names import Name, VariableName
from desync_jobs.manifest.operations import OperationSpec
from desync_jobs.manifest.policy import PolicySpec
from desync_jobs.manifest.quantities import Duration
from desync_jobs.manifest.scalars import Flag
from desync_jobs.manifest.seeds import SeedSpec
from desync_jobs.manifest.stores import (
    CacheSpec,
    FailoverGroupSpec,
    IndexStoreSpec,
    PlaceSpec,
    StoreSpec,
)
from desync_jobs.manifest.variables import VariableSpec

_WAITING: Final = 2
"""Threads that wait for answers beside those that work on them: two batches fill what a place may
have in flight by default."""


class JobSpec(Spec):
    """A job of desync-run: places of chunks, and operations on them."""

    version: Literal[1]
    """The version of this format; always 1."""
    name: str = ""
    """What the job is called in reports."""
    description: str = ""
    """What the job is for, in the user's words."""
    variables: dict[VariableName, VariableSpec] = Field(default={})
    """Values that are given when the job is started, used as `${name}` in any string."""
    stores: dict[Name, StoreSpec] = Field(default={})
    """Chunk stores, by the names that operations call them."""
    caches: dict[Name, CacheSpec] = Field(default={})
    """Caches, by the names that operations call them; no store has the same name."""
    failover_groups: dict[Name, FailoverGroupSpec] = Field(default={})
    """Stores that stand for each other, by the names that operations call them; no store or cache
    has the same name."""
    index_stores: dict[Name, IndexStoreSpec] = Field(default={})
    """How indexes with URLs are asked for; the one with the longest beginning of the URL counts,
    stores among them."""
    index_digest: Literal["sha512-256", "sha256"] | None = None
    """The digest that every index has to name its chunks by; by default each says its own."""
    policy: PolicySpec = PolicySpec()
    """Retries, time limits and budgets of every place that does not say its own."""
    lease_wait: Duration | None = None
    """How long an operation waits for others that use a store in a way that excludes it, by default
    `15min`: those that add to a store and one that deletes from it exclude each other."""
    limits: LimitsSpec = LimitsSpec()
    """What a run never passes; there are no limits unless they are given."""
    seeds: dict[Name, SeedSpec] = Field(default={})
    """Blobs at hand whose chunks need not be fetched, by the names that operations call them."""
    operations: Annotated[dict[Name, OperationSpec], Field(min_length=1)]
    """What to do. Operations that read what others write come after those."""
    engine: EngineSpec = Field(default_factory=LocalEngineSpec)
    """What the job runs on."""
    keep_going: Flag = False
    """Whether operations that need nothing of a failed one still run."""

    @property
    def workers(self) -> int:
        """How many threads work at a time."""
        asked_for = "workers" in self.engine.model_fields_set
        places = (*self.stores.values(), *self.caches.values())
        waits = any(place.location.kind is not Kind.DIRECTORY for place in places)
        return self.engine.threads + (_WAITING if waits and not asked_for else 0)

    def place(self, name: str) -> PlaceSpec:
        """Return the store or cache of that name; `KeyError` where there is none."""
        return self.stores[name] if name in self.stores else self.caches[name]

    def members(self, name: str) -> tuple[str, ...]:
        """Return the stores of the failover group of that name, or the name itself."""
        group = self.failover_groups.get(name)
        return (name,) if group is None else group.members


@dataclass(frozen=True, slots=True)
class Job:
    """A manifest that was read and found right."""

    spec: JobSpec
    directory: str
    """Absolute; what relative paths of the manifest are relative to."""
    source: str
    """How messages call the manifest."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """The values that the manifest's variables have, wherever they came from."""
    lock: Lock | None = None
    """What its names stand for, where that was locked."""

    @property
    def title(self) -> str:
        """What reports call it: its name, or else the manifest."""
        return self.spec.name or self.source

    def path(self, text: str) -> str:
        """Return a path of the manifest as an absolute and normalised one, and a URL as it is.

        A `file://` URL is a path.
        """
        return resolved(self.directory, text)

    def pattern(self, text: str) -> str:
        """Return a pattern of files of the manifest as an absolute one."""
        return globs.absolute(text, self.directory)

    def location(self, name: str) -> str:
        """Return where the store or cache of that name is: its URL, or an absolute path."""
        return self.path(self.spec.place(name).url)
