"""Where chunks that must be fetched are, and what fetching them comes to, place by place.

Stores say before a run which of them will serve a chunk and how many stored bytes that is. Where
one cannot tell, figures are bounds: the chunk may come from there or from any place after it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from desync_jobs.core.prices import PRICES, Source, store_price
from desync_jobs.planner.cost import Amount, Bounds
from desync_jobs.planner.space import in_blocks
from desync_jobs.report.words import counted, in_bytes

Sizes = NDArray[np.int64]
Flags = NDArray[np.bool_]
PREFIXES: Final = 1 << 16
"""Directories that a store of chunks has at most."""

Route = tuple[str, ...]
"""Names of places in the order in which they are asked for a chunk; the last serves it."""


@dataclass(frozen=True, slots=True, eq=False)
class Holdings:
    """What places said of some distinct chunks, a row each."""

    routes: tuple[Route, ...]
    route: Sizes
    """Which of `routes` is taken."""
    present: Flags
    """Whether the last place of the route has the chunk."""
    unknown: Flags
    """Whether the last place of the route cannot tell; otherwise nobody has what is not present."""
    stored: Sizes
    """Stored bytes; 0 where they are not known."""
    compressed: Flags
    """Whether it is stored compressed."""


class Keeps(Enum):
    """In which form a cache keeps chunks."""

    PLAIN = "plain"
    COMPRESSED = "compressed"
    """Compressed ones as they come; what plain ones come to is not known."""
    OTHERWISE = "otherwise"
    """In a form of its own, so that no size is known."""


@dataclass(frozen=True, slots=True)
class Places:
    """The places of one operation that give chunks."""

    cache: str | None
    stores: tuple[str, ...]

    @property
    def all(self) -> Route:
        """All of them in the order in which they are asked."""
        return (*([] if self.cache is None else [self.cache]), *self.stores)


@dataclass(frozen=True, slots=True, eq=False)
class Fetching:
    """Chunks to be fetched, with what places said of them."""

    holdings: Holdings
    plain: Sizes
    """Plain bytes of each."""
    times: Sizes
    """How often each is asked for: more than once where it is not remembered."""

    def reads(self, places: Places) -> tuple[Amount, ...]:
        """Return what each place gives, in the order in which they are asked."""
        named = [name for route in self.holdings.routes for name in route]
        names = tuple(dict.fromkeys((*places.all, *named)))
        return tuple(self._given(name, names[:number], places) for number, name in enumerate(names))

    def kept(self, places: Places, keeps: Keeps) -> Amount | None:
        """Return what the cache keeps of what the stores give; None where there is no cache."""
        if places.cache is None:
            return None
        held = self.holdings
        new = ~self._served(places.cache)
        surely = new & held.present
        kept, most = self._as_kept(keeps)
        return Amount(
            places.cache,
            int(self.plain[new].sum()),
            int(np.count_nonzero(new)),
            exact=bool((surely == new).all()),
            stored=Bounds(int(kept[surely].sum()), int(most[new].sum())),
            source=Source.CACHE,
        )

    def room(self, places: Places, keeps: Keeps, block: int) -> tuple[int, int]:
        """Return the bytes of disk that what the cache keeps takes, at least and at most."""
        held = self.holdings
        new = ~self._served(places.cache or "")
        kept, most = self._as_kept(keeps)
        folders = min(int(np.count_nonzero(new)), PREFIXES) * block
        return (
            in_blocks(kept[new & held.present], block),
            in_blocks(most[new], block) + folders,
        )

    def _as_kept(self, keeps: Keeps) -> tuple[Sizes, Sizes]:
        """Return the bytes each chunk is kept as, at least (0 where not known) and at most."""
        if keeps is Keeps.PLAIN:
            return self.plain, self.plain
        known = self.holdings.compressed if keeps is Keeps.COMPRESSED else False
        kept = np.where(known, self.holdings.stored, 0)
        return kept, np.where(kept > 0, kept, most_stored(self.plain))

    def missing(self) -> str | None:
        """Say how much nobody has; None where everything is there as far as is known."""
        lost = ~self.holdings.present & ~self.holdings.unknown
        count = int(np.count_nonzero(lost))
        if not count:
            return None
        size = in_bytes(int(self.plain[lost].sum()))
        return f"no store has {counted(count, 'chunk')} ({size}) that must be fetched"

    def _given(self, name: str, before: Route, places: Places) -> Amount:
        held, times, served = self.holdings, self.times, self._served(name)
        asked = self._routes(lambda route: name in route)
        maybe = held.unknown & self._routes(lambda route: route[-1] in (*before, name))
        most = np.where(served | maybe, times, 0)
        least = np.where(served, times, 0)
        requests = np.where(asked | maybe, times, 0)
        surely = np.where(asked, times, 0)
        longest = np.where(held.stored > 0, held.stored, most_stored(self.plain))
        if name == places.cache:
            # A chunk that it gets at first may come from there when it is asked for again.
            most = np.where(served, times, times - 1)
            longest = np.where(served, longest, most_stored(self.plain))
        elif places.cache is not None:
            least, surely = np.minimum(least, 1), np.minimum(surely, 1)
        shortest = np.where(held.stored > 0, held.stored, 1)
        is_cache = name == places.cache
        return Amount(
            name,
            int((self.plain * most).sum()),
            int(most.sum()),
            int(requests.sum()),
            exact=bool((least == most).all() and (surely == requests).all()),
            stored=Bounds(int((shortest * least).sum()), int((longest * most).sum())),
            source=Source.CACHE if is_cache else Source.STORE,
            price=PRICES[Source.CACHE]
            if is_cache
            else store_price(len(before) - (places.cache is not None)),
        )

    def _served(self, name: str) -> Flags:
        return self.holdings.present & self._routes(lambda route: route[-1] == name)

    def _routes(self, chosen: Callable[[Route], bool]) -> Flags:
        """Return which chunks take a route that is `chosen`."""
        flags = np.array(
            [bool(route) and chosen(route) for route in self.holdings.routes], np.bool_
        )
        return flags[self.holdings.route] if len(flags) else np.zeros(len(self.plain), np.bool_)


def most_stored(plain: Sizes) -> Sizes:
    """Return the most stored bytes that chunks of `plain` bytes come to.

    What does not compress grows by less than a 256th in zstd (ZSTD_compressBound), and by less
    in xz and gzip; the rest is for headers.
    """
    return plain + plain // 256 + 128


def most_stored_of(plain: int, chunks: int) -> int:
    """Return the most stored bytes that so many chunks of `plain` bytes together come to."""
    return plain + plain // 256 + 128 * chunks


def with_known_sizes(holdings: Holdings, known: Sizes) -> Holdings:
    """Return `holdings` with the stored sizes that somebody wrote down, 0 for none, filled in.

    What a place says itself is kept.
    """
    filled = (holdings.stored == 0) & (known > 0) & (holdings.present | holdings.unknown)
    return replace(
        holdings,
        stored=np.where(filled, known, holdings.stored),
        compressed=holdings.compressed | filled,
    )


def joined(parts: Sequence[Holdings]) -> Holdings:
    """Return what was said of several lots of chunks as one, in their order."""
    offsets = np.cumsum([0, *(len(part.routes) for part in parts)])
    routes = [part.route + offset for part, offset in zip(parts, offsets[:-1], strict=True)]
    return Holdings(
        tuple(route for part in parts for route in part.routes),
        np.concatenate(routes),
        np.concatenate([part.present for part in parts]),
        np.concatenate([part.unknown for part in parts]),
        np.concatenate([part.stored for part in parts]),
        np.concatenate([part.compressed for part in parts]),
    )
