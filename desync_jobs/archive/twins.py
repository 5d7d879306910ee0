"""Which file of a seed most likely has the content that a file of an archive is to have.

Told by the chunks alone, so it costs nothing to ask: where a chunk of the archive is one of the
seed's too, the file that the chunk has in the seed at the same place is the twin, if it is as long.
A file that differs in the middle has its twin as well, whose other blocks can be shared. Nobody
promises that a twin is right: compare.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from desync_jobs.archive.tree_seed import TreeSeed
from desync_jobs.formats.index import Index
from desync_jobs.formats.rows import Positions
from desync_jobs.formats.unique import id_keys


@dataclass(frozen=True, slots=True)
class Twin:
    """A file of a seed."""

    seed: TreeSeed
    file: int

    @contextmanager
    def opened(self) -> Iterator[int]:
        """Open it for reading; `OSError` where it is not there any more."""
        with self.seed.layout.reach.opened(self.file) as fd:
            yield fd


class Twins:
    """The files that trees have of one archive."""

    def __init__(self, wanted: Index, seeds: Sequence[TreeSeed]) -> None:
        self._wanted = wanted
        self._seeds = [(seed, _same_chunks(wanted, seed.index)) for seed in seeds]

    @property
    def seeds(self) -> set[str]:
        """Names of the trees."""
        return {seed.name for seed, _ in self._seeds}

    def of(self, begin: int, size: int) -> Twin | None:
        """Return the twin of a file whose content is at `begin` of the archive; from any thread."""
        end = begin + size
        for probe in dict.fromkeys((begin, end - 1, begin + size // 2)):
            position = self._wanted.ended_by(probe)
            for seed, same in self._seeds:
                at = int(same[position])
                if at >= 0:
                    # Where the content would begin in the archive of the seed.
                    shift = seed.index.start(at) - self._wanted.start(position)
                    file = seed.layout.file_at(begin + shift, size)
                    if file is not None:
                        return Twin(seed, file)
        return None


def _same_chunks(wanted: Index, seed: Index) -> Positions:
    """Return for each position of `wanted` one of `seed` with the same chunk, or -1.

    Told by the first eight bytes of the IDs.
    """
    theirs = id_keys(seed.rows.run_ids)
    if not len(theirs):
        return np.full(len(wanted), -1, np.int64)
    order = np.argsort(theirs, kind="stable")
    mine = id_keys(wanted.rows.run_ids)
    at = np.minimum(np.searchsorted(theirs, mine, sorter=order), len(order) - 1)
    runs = order[at]
    return wanted.rows.spread(np.where(theirs[runs] == mine, seed.rows.firsts(runs), -1))
