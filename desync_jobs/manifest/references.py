"""Names that refer to something: each has to be declared, once.

Works on the document and not on the specs, because all problems are told at once: a
dangling name is found even where another key of the same operation is wrong.
What has the wrong type altogether is left to pydantic.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, TypeAlias

from desync_jobs.errors import Problem
from desync_jobs.manifest.suggestions import did_you_mean
from desync_jobs.manifest.variables import Where

_SOURCE_KEYS: Final = ("stores", "repair_from")
"""Keys of operations that name what chunks are fetched from."""
_PLACE_KEYS: Final = ("store", *_SOURCE_KEYS, "cache")
"""Keys of operations that name places, the same in every kind."""
_PLACES: Final = {
    "stores": "a store",
    "caches": "a cache",
    "failover_groups": "a failover group",
}
"""Tables whose names are one name space."""
_Places: TypeAlias = Mapping[str, Mapping[str, Any]]
_FILES_AS_SEEDS: Final = ("info",)
"""Kinds whose `seeds` are files and not names of seeds."""


def reference_problems(document: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a `Problem` for every name that nothing declares, and for names declared twice.

    `store` and `stores` may name a cache too, which is then only read or checked; `cache` has
    to name a cache, because it is filled; only `stores` and `repair_from` may name a failover
    group.
    """
    places = {key: _table(document, key) for key in _PLACES}
    operations = _table(document, "operations")
    yield from _shared_names(places)
    yield from _member_problems(places)
    for name, operation in operations.items():
        if isinstance(operation, dict):
            for key in _PLACE_KEYS:
                for where, reference in _references(name, operation, key):
                    yield from _place_problems(where, key, reference, places)
            for where, reference in _mirror_stores(name, operation):
                yield from _place_problems(where, "store", reference, places)
            yield from _seed_problems(name, operation, _table(document, "seeds"))
            yield from _after_problems(name, operation, operations)
            yield from _repeated(name, operation)


def _table(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = document.get(key)
    return value if isinstance(value, dict) else {}


def _references(operation: str, fields: Mapping[str, Any], key: str) -> Iterator[tuple[Where, str]]:
    """Yield every name under `key`, with its place."""
    value = fields.get(key)
    if isinstance(value, str):
        yield ("operations", operation, key), value
    elif isinstance(value, list | tuple):
        for at, item in enumerate(value):
            if isinstance(item, str):
                yield ("operations", operation, key, at), item


def _shared_names(places: _Places) -> Iterator[Problem]:
    """Yield names that two places have: the same keys of operations name all of them."""
    owners: dict[str, str] = {}
    for key, what in _PLACES.items():
        for name in places[key]:
            if name in owners:
                yield Problem((key, name), f"{owners[name]} has this name too; choose another")
            owners.setdefault(name, what)


def _member_problems(places: _Places) -> Iterator[Problem]:
    for group, fields in places["failover_groups"].items():
        members = fields.get("members") if isinstance(fields, dict) else None
        seen: set[str] = set()
        for at, member in enumerate(members if isinstance(members, list | tuple) else ()):
            where: Where = ("failover_groups", group, "members", at)
            if isinstance(member, str):
                if member in seen:
                    yield Problem(where, f"{member!r} is named twice")
                elif member not in places["stores"]:
                    guess = did_you_mean(member, places["stores"])
                    yield Problem(where, f"no store named {member!r}{guess}")
                seen.add(member)


def _mirror_stores(operation: str, fields: Mapping[str, Any]) -> Iterator[tuple[Where, str]]:
    """Yield the name of the store of each mirror, with its place."""
    mirrors = fields.get("mirrors")
    for at, mirror in enumerate(mirrors if isinstance(mirrors, list | tuple) else ()):
        if isinstance(mirror, dict) and isinstance(mirror.get("store"), str):
            yield ("operations", operation, "mirrors", at, "store"), mirror["store"]


def _place_problems(where: Where, key: str, name: str, places: _Places) -> Iterator[Problem]:
    message = _unfit(key, name, places)
    if message is not None:
        yield Problem(where, message)


def _unfit(key: str, name: str, places: _Places) -> str | None:
    """Say why the operation's `key` cannot name `name`, or None where it can."""
    stores, caches, groups = places["stores"], places["caches"], places["failover_groups"]
    if name in caches:
        return None
    if key == "cache":
        if name in stores or name in groups:
            what = "a store" if name in stores else "a failover group"
            return f"{name!r} is {what} and not a cache; declare it under [caches]"
        return f"no cache named {name!r}{did_you_mean(name, caches)}"
    if name in stores or (name in groups and key in _SOURCE_KEYS):
        return None
    if name in groups:
        return f"{name!r} is a failover group; name one of its stores"
    known = [*stores, *caches, *(groups if key in _SOURCE_KEYS else ())]
    return f"no store named {name!r}{did_you_mean(name, known)}"


def _seed_problems(
    name: str, fields: Mapping[str, Any], seeds: Collection[str]
) -> Iterator[Problem]:
    if fields.get("kind") not in _FILES_AS_SEEDS:
        for where, reference in _references(name, fields, "seeds"):
            if reference not in seeds:
                guess = did_you_mean(reference, seeds)
                yield Problem(where, f"no seed named {reference!r}{guess}")


def _after_problems(
    name: str, fields: Mapping[str, Any], operations: Mapping[str, Any]
) -> Iterator[Problem]:
    for where, reference in _references(name, fields, "after"):
        if reference == name:
            yield Problem(where, "an operation cannot come after itself")
        elif reference not in operations:
            others = [other for other in operations if other != name]
            guess = did_you_mean(reference, others)
            yield Problem(where, f"no operation named {reference!r}{guess}")


def _repeated(name: str, fields: Mapping[str, Any]) -> Iterator[Problem]:
    seeds = () if fields.get("kind") in _FILES_AS_SEEDS else ("seeds",)
    named = (*_SOURCE_KEYS, "after", *seeds)
    for key in named:
        seen: set[str] = set()
        for where, reference in _references(name, fields, key):
            if reference in seen:
                yield Problem(where, f"{reference!r} is named twice")
            seen.add(reference)
