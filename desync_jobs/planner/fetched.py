"""What an operation fetches, before and after anybody looked where it is."""

from dataclasses import dataclass

from desync_jobs.core.prices import Source
from desync_jobs.planner.cost import Amount
from desync_jobs.planner.facts import DiskFacts
from desync_jobs.planner.holdings import (
    PREFIXES,
    Fetching,
    Holdings,
    Keeps,
    Places,
    Sizes,
    most_stored,
)
from desync_jobs.planner.space import Need, in_blocks


@dataclass(frozen=True, slots=True)
class CachePlace:
    """A cache that keeps what is fetched."""

    keeps: Keeps
    disk: DiskFacts | None
    """Its file system; None where it is elsewhere."""
    limit: int | None = None
    """Stored bytes that it holds at most."""


@dataclass(frozen=True, slots=True, eq=False)
class Fetched:
    """Distinct chunks that an operation fetches."""

    places: Places
    plain: Sizes
    """Plain bytes of each."""
    times: Sizes
    """How often each is asked for."""
    cache: CachePlace | None = None
    holdings: Holdings | None = None
    """What the places said; None where nobody asked them."""


@dataclass(frozen=True, slots=True)
class FetchedCost:
    """What fetching comes to."""

    reads: tuple[Amount, ...]
    writes: tuple[Amount, ...]
    needs: tuple[Need, ...]
    warnings: tuple[str, ...] = ()


def fetched_cost(fetched: Fetched) -> FetchedCost:
    """Return the cost of fetching: by place, or for all stores together where nobody looked."""
    if fetched.holdings is None:
        return _unseen(fetched)
    found = Fetching(fetched.holdings, fetched.plain, fetched.times)
    missing = found.missing()
    warnings = () if missing is None else (missing,)
    reads = tuple(one for one in found.reads(fetched.places) if one.requests or _is_store(one))
    if fetched.cache is None or fetched.places.cache is None:
        return FetchedCost(reads, (), (), warnings)
    keeps, disk = fetched.cache.keeps, fetched.cache.disk
    kept = found.kept(fetched.places, keeps)
    needs: tuple[Need, ...] = ()
    if disk is not None:
        lower, upper = found.room(fetched.places, keeps, disk.block)
        # Above its limit it removes what it has.
        lower = lower if fetched.cache.limit is None else 0
        needs = (Need(f"cache {fetched.places.cache}", disk, lower, upper),)
    return FetchedCost(reads, () if kept is None else (kept,), needs, warnings)


def _unseen(fetched: Fetched) -> FetchedCost:
    size = int((fetched.plain * fetched.times).sum())
    count = int(fetched.times.sum())
    reads = Amount("+".join(fetched.places.stores), size, count, count, source=Source.STORE)
    cache = fetched.places.cache
    if cache is None:
        return FetchedCost((reads,), (), ())
    plain = int(fetched.plain.sum())
    writes = Amount(cache, plain, len(fetched.plain), exact=False, source=Source.CACHE)
    needs: tuple[Need, ...] = ()
    if fetched.cache is not None and fetched.cache.disk is not None:
        disk = fetched.cache.disk
        folders = min(len(fetched.plain), PREFIXES) * disk.block
        upper = in_blocks(most_stored(fetched.plain), disk.block) + folders
        needs = (Need(f"cache {cache}", disk, 0, upper),)
    return FetchedCost((reads,), (writes,), needs)


def _is_store(amount: Amount) -> bool:
    return amount.source is Source.STORE
