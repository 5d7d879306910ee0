"""A file that keeps what is read of a mounted blob."""

from typing import Annotated, Final

from pydantic import Field

from desync_jobs.manifest.base import Spec
from desync_jobs.manifest.paths import FilePath
from desync_jobs.manifest.quantities import Duration
from desync_jobs.manifest.scalars import WholeNumber

_MOST_THREADS: Final = 256
_SUFFIX: Final = ".state"


class CopyOnReadSpec(Spec):
    """A sparse file that each chunk is copied to when it is read, and read from afterwards."""

    file: FilePath
    """The file; it is made, and is as large as the blob, with holes for what nobody has read."""
    state: FilePath | None = None
    """The file that says what is in it and of which index that is, so that the next run goes on
    from there; by default it is called as the file is, with `.state` after that."""
    save_every: Annotated[Duration, Field(validate_default=False)] = 30.0
    """How often the state is saved; it is at the end in any case."""
    prefetch: FilePath | None = None
    """The state of another run with the same index: what it names is fetched in the background
    while the blob is mounted. With the state of this very file, that is what was in the file
    when it had to be begun anew."""
    prefetch_threads: Annotated[int, WholeNumber(1, _MOST_THREADS)] = 10
    """How many threads do that."""

    @property
    def state_path(self) -> str:
        """Where the state is."""
        return self.state or self.file + _SUFFIX
