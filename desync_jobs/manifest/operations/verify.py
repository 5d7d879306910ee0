"""`verify`: check every chunk of a store."""

from collections.abc import Iterator
from typing import Literal

from desync_jobs.manifest.access import Access, access
from desync_jobs.manifest.base import OperationBase
from desync_jobs.manifest.limits import Share
from desync_jobs.manifest.paths import FilePath, StreamPath
from desync_jobs.manifest.scalars import Flag


class VerifySpec(OperationBase):
    """Check that every chunk of a store still has the digest in its name."""

    kind: Literal["verify"]
    """Checks a store."""
    store: str
    """The store or cache to check."""
    repair: Flag = False
    """Whether invalid chunks are removed, so that they can be stored again; also unfinished files
    of writers that were killed more than a day ago. They are looked at once more, alone in the
    store, and go where `limits` allow that many."""
    repair_from: tuple[str, ...] = ()
    """Stores and failover groups from which an invalid chunk is fetched, in order, to take its
    place. What none of them has stays as it is."""
    sample: Share | None = None
    """Which part of the chunks is checked, each by chance, such as `5%`; by default all."""
    digest: Literal["auto", "sha512-256", "sha256"] = "auto"
    """The digest that names the chunks; `auto` accepts either."""
    progress: FilePath | None = None
    """A file that says how far this is, so that after an interruption the next run goes on there.
    It is gone at the end."""
    report: StreamPath | None = None
    """The file to write a JSON list of the invalid chunks to; `-` is standard output."""

    @property
    def share(self) -> float:
        """Which part of the chunks is checked: more than 0, and 1 for all."""
        return 1.0 if self.sample is None else self.sample

    def access(self) -> Access:
        return access(
            writes=[path for path in (self.progress, self.report) if path is not None],
            uses_stores=[self.store, *self.repair_from],
            adds_to=[self.store] if self.repair_from else [],
            deletes_from=[self.store] if self.repair else [],
        )


def verify_problems(spec: VerifySpec) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield what is wrong with the keys of `spec` together, and where."""
    if not spec.share:
        yield ("sample",), "0% checks nothing; write for example '5%'"
    if spec.repair and spec.repair_from:
        yield ("repair",), "removes what repair_from would put right; leave out one of the two"
    for at, name in enumerate(spec.repair_from):
        if name == spec.store:
            yield ("repair_from", at), f"{name!r} is the store that is checked; name another"
    if spec.progress is not None and spec.progress == spec.report:
        yield ("report",), "is the file of progress too; name another"
