"""Deciding `cat`: write a range of a blob without extracting the rest."""

from dataclasses import dataclass

from desync_jobs.errors import UsageError
from desync_jobs.formats.index import Index
from desync_jobs.manifest.operations.cat import CatSpec
from desync_jobs.planner.cost import Amount, Cost
from desync_jobs.planner.extraction import plain_size
from desync_jobs.planner.facts import FileFacts, IndexFacts, SeedFacts, StoreFacts
from desync_jobs.planner.listing import decide_listing
from desync_jobs.planner.needed import need_apart, need_index, need_stores
from desync_jobs.planner.plan import Decision


@dataclass(frozen=True, slots=True, eq=False)
class CatFacts:
    """The index, the output, the stores."""

    index: IndexFacts | None
    output: FileFacts
    stores: tuple[StoreFacts, ...]
    seeds: tuple[SeedFacts, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class CatDetail:
    """The range to write and the positions that cover it."""

    index: Index
    begin: int
    end: int
    first: int
    last: int
    """One past the last position that has bytes of the range."""
    seeds: tuple[SeedFacts, ...]


def plan_cat(spec: CatSpec, facts: CatFacts) -> Decision:
    """Decide which chunks the range needs; a range past the end is refused before any output."""
    found = need_index(facts.index, spec.index)
    need_stores(facts.stores, found.index)
    need_apart(facts.output, found)
    index = found.index
    begin = spec.offset
    end = index.blob_size if spec.length is None else begin + spec.length
    if begin > index.blob_size or end > index.blob_size:
        raise UsageError(
            f"bytes {begin} to {end} are past the end of the blob, which has {index.blob_size}; "
            "correct offset and length"
        )
    first = index.ended_by(begin)
    last = index.ended_by(end - 1) + 1 if end > begin else first
    detail = CatDetail(index, begin, end, first, last, facts.seeds)
    distinct = index.distinct(first, last)
    fetched = plain_size(index, distinct)
    cost = Cost(
        (Amount("+".join(spec.stores), fetched, len(distinct), last - first, exact=False),),
        (Amount("output", end - begin),),
        work=end - begin,
    )
    return decide_listing(facts.output, cost, detail)
