"""desync's store file: `{"stores": ["PLACE", "a|b"], "cache": "PLACE"}`."""

from collections.abc import Sequence
from typing import Any, Final

import click

from desync_jobs.errors import UsageError
from desync_jobs.manifest.read import read_document

_KEYS = ("stores", "cache")

store_file: Final = click.option(
    "--store-file", metavar="FILE", help="JSON file with stores and cache; see below."
)


def take_stores(given: dict[str, Any], *, needed: bool = True) -> tuple[Sequence[str], str | None]:
    """Take stores and cache out of a command's options: named one by one, or in a store file.

    `UsageError` where there are both, or no store at all and one is `needed`.
    """
    stores, cache, path = given.pop("stores"), given.pop("cache"), given.pop("store_file")
    if path is not None:
        if stores or cache is not None:
            raise click.UsageError("--store-file has stores and cache; leave out -s and -c")
        stores, cache = read_store_file(path)
    if needed and not stores:
        raise click.UsageError("no store given: write -s PLACE or --store-file FILE")
    return stores, cache


def read_store_file(path: str) -> tuple[tuple[str, ...], str | None]:
    """Return the stores and the cache that a file names.

    `UsageError` where it names no store, or has anything else in it.
    """
    document: dict[str, Any] = read_document(path)
    unknown = [key for key in document if key not in _KEYS]
    if unknown:
        raise UsageError(f"{path}: {unknown[0]!r} is not known; there are stores and cache")
    stores, cache = document.get("stores"), document.get("cache")
    if not isinstance(stores, list) or not stores or not all(map(_is_place, stores)):
        raise UsageError(f"{path}: stores should be a list of at least one directory or URL")
    if cache is not None and not _is_place(cache):
        raise UsageError(f"{path}: cache should be a directory or URL")
    return tuple(stores), cache


def _is_place(value: object) -> bool:
    return isinstance(value, str) and value != ""
