"""Chunks that are copied from stores into one that lacks them, and what that costs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.planner.cost import Cost
from desync_jobs.planner.fetched import CachePlace, Fetched, fetched_cost
from desync_jobs.planner.holdings import Holdings, Places
from desync_jobs.planner.space import spaces, warnings


@dataclass(frozen=True, slots=True, eq=False)
class Lacking:
    """Distinct chunks of one digest algorithm that a store does not have."""

    algorithm: DigestAlgorithm
    ids: NDArray[np.uint8]
    """Shape (chunks, 32)."""
    sizes: NDArray[np.int64]
    """Plain bytes of each."""
    limit: int
    """Largest chunk of the indexes they come from."""

    def only(self, chosen: NDArray[np.bool_]) -> "Lacking":
        """Return those of them that are `chosen`."""
        return replace(self, ids=self.ids[chosen], sizes=self.sizes[chosen])


def sizes_of(parts: Sequence[Lacking]) -> NDArray[np.int64]:
    """Return the plain bytes of every chunk of all `parts`, in their order."""
    return np.concatenate([np.empty(0, np.int64), *(part.sizes for part in parts)])


def copying_cost(
    places: Places,
    plain: NDArray[np.int64],
    place: CachePlace | None,
    holdings: Holdings | None,
    called: str,
) -> Cost:
    """Return the cost of copying chunks of `plain` bytes into `places.cache`, which is `place`.

    `called` is what that is to the user: `store s`, `cache c`.
    `holdings` are what the stores said of them; None where nobody asked.
    """
    stores = fetched_cost(Fetched(places, plain, np.ones_like(plain), place, holdings))
    space = spaces([replace(one, what=called) for one in stores.needs])
    return Cost(
        stores.reads,
        tuple(replace(one, exact=True) for one in stores.writes),
        work=int(plain.sum()),
        space=space,
        warnings=(*stores.warnings, *warnings(space)),
    )
