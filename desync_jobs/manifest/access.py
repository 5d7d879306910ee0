"""What an operation touches: enough to order operations, and to find those that clash."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

STREAM: Final = "-"
"""Standard input or output, where a path may be that."""


@dataclass(frozen=True, slots=True)
class Access:
    """Files and stores of one operation, as written in the manifest.

    A cache that `extract` or `cat` fills on the way is only in `uses_stores`:
    whatever it holds, the result is the same, so it puts no operation after another.
    """

    reads: tuple[str, ...] = ()
    """Paths of files that are read."""
    writes: tuple[str, ...] = ()
    """Paths of files that are replaced or changed."""
    uses_stores: tuple[str, ...] = ()
    """Names of stores and caches that chunks are read from."""
    uses_seeds: tuple[str, ...] = ()
    """Names of seeds that chunks are taken from."""
    adds_to: tuple[str, ...] = ()
    """Names of stores and caches that are filled on purpose."""
    deletes_from: tuple[str, ...] = ()
    """Names of stores and caches that chunks may be removed from."""
    reads_matching: tuple[str, ...] = ()
    """Patterns of files that are read, where only the files themselves tell which."""
    writes_matching: tuple[str, ...] = ()
    """Patterns of files that may be written."""
    reads_trees: tuple[str, ...] = ()
    """Directories that are read with everything in them."""
    plants: tuple[str, ...] = ()
    """Directories that are written with everything in them."""
    reads_stdin: bool = False
    """Whether standard input is read."""
    writes_stdout: bool = False
    """Whether standard output is written."""

    @property
    def places(self) -> tuple[str, ...]:
        """The names of all stores, caches and failover groups, each once."""
        return tuple(dict.fromkeys((*self.uses_stores, *self.adds_to, *self.deletes_from)))


def access(  # noqa: PLR0913 - one for each field
    *,
    reads: Iterable[str | None] = (),
    writes: Iterable[str] = (),
    uses_stores: Iterable[str | None] = (),
    uses_seeds: Iterable[str] = (),
    adds_to: Iterable[str | None] = (),
    deletes_from: Iterable[str] = (),
    reads_matching: Iterable[str] = (),
    writes_matching: Iterable[str] = (),
    reads_trees: Iterable[str] = (),
    plants: Iterable[str] = (),
) -> Access:
    """Return the `Access` of these fields: names that are None are left out, `-` is a stream."""
    read, written = _given(reads), _given(writes)
    return Access(
        reads=tuple(path for path in read if path != STREAM),
        writes=tuple(path for path in written if path != STREAM),
        uses_stores=_given(uses_stores),
        uses_seeds=_given(uses_seeds),
        adds_to=_given(adds_to),
        deletes_from=_given(deletes_from),
        reads_matching=_given(reads_matching),
        writes_matching=_given(writes_matching),
        reads_trees=_given(reads_trees),
        plants=_given(plants),
        reads_stdin=STREAM in read,
        writes_stdout=STREAM in written,
    )


def _given(names: Iterable[str | None]) -> tuple[str, ...]:
    """Return each name once, in order."""
    return tuple(dict.fromkeys(name for name in names if name is not None))
