"""Places full of indexes: listed, read, and written so that what is seen is there."""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from desync_jobs.assembly.pending import sync_folder
from desync_jobs.errors import InvalidDataError, StoreError, TargetError, UsageError
from desync_jobs.execute.inputs import INDEX_SIZE_LIMIT
from desync_jobs.execute.opening import open_place_of_indexes
from desync_jobs.execute.task import Task
from desync_jobs.manifest.capability import Capability
from desync_jobs.manifest.index_places import below
from desync_jobs.manifest.paths import url_scheme
from desync_jobs.manifest.roots import IndexesBelowSpec
from desync_jobs.planner.retention import FoundIndex, is_excluded, is_root
from desync_jobs.stores.leases.log import OWN
from desync_jobs.stores.objects.base import NOWHERE, ObjectPlace
from desync_jobs.stores.objects.indexes import INDEX_CONTENT_TYPE, read_index_object

_OWN: Final = re.compile(rf"(?:^|/){re.escape(OWN)}(?:leases/|published/|quarantine/|marks$)")
"""What names of this program's own files have, in this place or in one below it."""


def listed_indexes(place: ObjectPlace, spec: IndexesBelowSpec) -> list[FoundIndex]:
    """Return the indexes of `place` that `spec` names, sorted by name.

    `UsageError` where it cannot be listed.
    """
    if Capability.LIST not in place.capabilities:
        raise UsageError(f"{spec.url}: cannot be listed; name its indexes one by one")
    return sorted(_listed(place, spec), key=lambda one: one.name)


def _listed(place: ObjectPlace, spec: IndexesBelowSpec) -> Iterator[FoundIndex]:
    seen = set()
    for entry in place.entries(""):
        # A link to nothing may be that of a directory full of indexes, whatever it is called.
        lost = entry.leads_to == NOWHERE and not is_excluded(entry.name, spec)
        counts = lost or is_root(entry.name, spec)
        if _OWN.search(entry.name) or entry.name in seen or not counts:
            continue
        seen.add(entry.name)
        yield FoundIndex(entry.name, entry.size, entry.modified, entry.leads_to)


def read_listed(place: ObjectPlace, name: str, url: str) -> bytes:
    """Return the content of an index that was listed; `StoreError` where it cannot be had."""
    try:
        data = read_index_object(place, name, INDEX_SIZE_LIMIT)
    except InvalidDataError as error:
        raise StoreError(f"{url}: {name} cannot be read whole") from error
    if data is None:
        raise StoreError(
            f"{url}: {name} is listed and cannot be found: a link to nothing, which 'exclude' "
            "leaves out, or just removed; run again then"
        )
    return data


class IndexPlace:
    """The directory or URL that the manifest calls `url`, which gets small files."""

    def __init__(self, task: Task[Any], url: str) -> None:
        self.url = task.path(url)
        self._directory = None if url_scheme(self.url) else self.url
        self._place = open_place_of_indexes(task, url)

    @property
    def present(self) -> bool:
        """Whether it can have anything: a directory may not be there yet."""
        return self._directory is None or os.path.isdir(self._directory)

    def listed(self, spec: IndexesBelowSpec) -> list[FoundIndex]:
        """Return the indexes here that have the patterns of `spec`, without links to others."""
        found = listed_indexes(self._place, spec) if self.present else []
        return [one for one in found if one.leads_to is None]

    def has(self, name: str) -> bool:
        """Whether a file is there."""
        return self.present and self._place.sizes([name]) != [None]

    def digest(self, name: str) -> str | None:
        """Return the SHA-256 of a file, in hex; None where there is none."""
        data = self.read(name)
        return None if data is None else hashlib.sha256(data).hexdigest()

    def read(self, name: str) -> bytes | None:
        """Return a file; None where there is none."""
        if not self.present:
            return None
        return read_index_object(self._place, name, INDEX_SIZE_LIMIT)

    def write(self, name: str, data: bytes, content_type: str = INDEX_CONTENT_TYPE) -> bool:
        """Make a file hold `data`, and read it back; tells whether it did not already.

        `StoreError` where it reads back as anything else.
        """
        if self.read(name) == data:
            return False
        self.prepare(name)
        self._place.put([(name, data)], content_type)
        if self._directory is not None:
            sync_folder(os.path.dirname(f"{self._directory}/{name}"))
        if self.read(name) != data:
            raise StoreError(f"{self.url}: {name} reads back differently after it was written")
        return True

    def prepare(self, name: str) -> None:
        """Make the directory that `name` is in, where it is one of this machine."""
        if self._directory is not None:
            folder = os.path.dirname(f"{self._directory}/{name}")
            try:
                os.makedirs(folder, exist_ok=True)
            except OSError as error:
                raise TargetError(f"{folder} cannot be made: {error.strerror}") from error

    def remove(self, names: Iterable[str]) -> None:
        """Remove files."""
        self._place.delete(list(names))

    def url_of(self, name: str) -> str:
        """Return the URL or the path of a file here."""
        return below(self.url, name)
