"""Names that refer to something: each has to be declared, once.

Works on the document and not on the specs, because all problems are told at once: a
dangling name is found even where another key of the same operation is wrong.
What has the wrong type altogether is left to pydantic.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from desync_jobs.errors import Problem
from desync_jobs.manifest.suggestions import did_you_mean
from desync_jobs.manifest.variables import Where

_PLACE_KEYS: Final = ("store", "stores", "cache")
"""Keys of operations that name places, the same in every kind."""
_SEEDED_KINDS: Final = ("extract", "cat")
"""Kinds whose `seeds` are names of seeds; those of `info` are files."""


def reference_problems(document: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a `Problem` for every name that nothing declares, and for names declared twice.

    `store` and `stores` may name a cache too, which is then only read or checked; `cache` has
    to name a cache, because it is filled.
    """
    stores, caches = _table(document, "stores"), _table(document, "caches")
    operations = _table(document, "operations")
    for name in caches:
        if name in stores:
            yield Problem(("caches", name), "a store has this name too; choose another")
    for name, operation in operations.items():
        if isinstance(operation, dict):
            for key in _PLACE_KEYS:
                for where, reference in _references(name, operation, key):
                    yield from _place_problems(where, reference, stores, caches)
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


def _place_problems(
    where: Where, name: str, stores: Collection[str], caches: Collection[str]
) -> Iterator[Problem]:
    wants_cache = where[2] == "cache"
    if name in caches or (name in stores and not wants_cache):
        return
    if name in stores:
        message = f"{name!r} is a store and not a cache; declare it under [caches]"
    elif wants_cache:
        message = f"no cache named {name!r}{did_you_mean(name, caches)}"
    else:
        message = f"no store named {name!r}{did_you_mean(name, [*stores, *caches])}"
    yield Problem(where, message)


def _seed_problems(
    name: str, fields: Mapping[str, Any], seeds: Collection[str]
) -> Iterator[Problem]:
    if fields.get("kind") in _SEEDED_KINDS:
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
    named = (
        ("stores", "after", "seeds") if fields.get("kind") in _SEEDED_KINDS else ("stores", "after")
    )
    for key in named:
        seen: set[str] = set()
        for where, reference in _references(name, fields, key):
            if reference in seen:
                yield Problem(where, f"{reference!r} is named twice")
            seen.add(reference)
