"""A command of one operation, as the job file it stands for.

`desync-run make blob.caibx blob -s store` is the job with a store called
`store` and one operation called `make`; it takes the same way as a job file
from there on, and `--print-manifest` shows it.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class OneLine:
    """One operation and the places it uses, as given on the command line."""

    kind: str
    fields: Mapping[str, object]
    """Fields of the operation as a manifest has them; `None` stands for its default."""
    store: str | None = None
    """Location of the store, for operations that use one."""
    stores: Sequence[str] = ()
    """Locations of the stores, for operations that ask several in order."""
    repair_from: Sequence[str] = ()
    """Locations of the stores that damaged chunks are fetched from, in order."""
    mirror_stores: Sequence[str] = ()
    """Locations of further stores to fill, called `mirror-1` and so on."""
    cache: str | None = None
    """Location of the cache."""
    seeds: Sequence[Mapping[str, str]] = ()
    """Seeds, as a manifest declares them."""
    limits: Mapping[str, object] = field(default_factory=dict)
    """Limits, as a manifest declares them."""
    index_digest: str | None = None
    """The digest that every index has to have."""
    ask: Callable[[], None] | None = None
    """Asks whether it shall be done, and raises where it shall not."""
    print_stats: bool = False
    """Whether desync's statistics are printed after success."""
    again: "Callable[[], OneLine] | None" = None
    """Reads again what the command named, for servers that are told to reload."""
    adapt: Callable[[Mapping[str, object]], dict[str, object]] = dict
    """Puts what was asked for all places at once into the document."""

    def document(self, concurrency: int | None = None) -> dict[str, object]:
        """Build the content of the job file, with no key that was not asked for."""
        from desync_jobs.manifest.variables import literal

        named = _named(self.stores)
        if self.store is not None:
            # What is filled is called so, and what it is filled from `source` then.
            sources = {"source" if one == "store" else one: at for one, at in named.items()}
            named = {"store": self.store, **sources}
        asked = [one for one in named if self.store is None or one != "store"]
        named |= {f"mirror-{at}": place for at, place in enumerate(self.mirror_stores, start=1)}
        menders = {f"repair-{at}": place for at, place in enumerate(self.repair_from, start=1)}
        stores, groups = _split_groups({**named, **menders})
        caches = {} if self.cache is None else {"cache": self.cache}
        seeds = {f"seed-{number}": dict(seed) for number, seed in enumerate(self.seeds, start=1)}
        operation: dict[str, object] = {"kind": self.kind}
        operation |= {key: value for key, value in self.fields.items() if value is not None}
        if self.store is not None:
            operation["store"] = "store"
        names = {
            "stores": asked if self.stores else [],
            "repair_from": list(menders),
            "seeds": list(seeds),
        }
        operation |= {key: value for key, value in names.items() if value}
        operation |= {key: key for key in caches}
        tables = {
            "stores": _places(stores),
            "failover_groups": groups,
            "caches": _places(caches),
            "seeds": seeds,
            "limits": dict(self.limits),
        }
        document: dict[str, object] = {"version": 1}
        if self.index_digest is not None:
            document["index_digest"] = self.index_digest
        if concurrency is not None:
            document["engine"] = {"kind": "local", "workers": concurrency}
        document |= {key: table for key, table in tables.items() if table}
        document["operations"] = {self.kind: operation}
        document = self.adapt(document)
        # What stands on a command line is meant as it is: `${` in it is no variable.
        escaped: dict[str, object] = literal(document)
        return escaped


def _named(locations: Sequence[str]) -> dict[str, str]:
    """Call a single store `store`, and several `store-1`, `store-2` and so on."""
    if len(locations) == 1:
        return {"store": locations[0]}
    return {f"store-{number}": place for number, place in enumerate(locations, start=1)}


def _split_groups(
    named: Mapping[str, str],
) -> tuple[dict[str, str], dict[str, dict[str, list[str]]]]:
    """Take `a|b` apart, desync's failover group; a directory that is called so is one store."""
    stores: dict[str, str] = {}
    groups: dict[str, dict[str, list[str]]] = {}
    for name, location in named.items():
        parts = location.split("|")
        if len(parts) == 1 or not all(parts) or os.path.isdir(location):
            stores[name] = location
            continue
        members = {f"{name}-member-{at}": part for at, part in enumerate(parts, start=1)}
        stores |= members
        groups[name] = {"members": list(members)}
    return stores, groups


def _places(locations: Mapping[str, str]) -> dict[str, object]:
    return {name: {"url": location} for name, location in locations.items()}
