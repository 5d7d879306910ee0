"""What steps cost in money, by the prices of the places that they use.

Exact: every amount is a decimal number, of which nothing is rounded. What is only known between two
figures costs between two amounts.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, localcontext
from typing import Final, TypedDict

from desync_jobs.core.prices import Source
from desync_jobs.manifest.job import JobSpec
from desync_jobs.manifest.locations import Kind
from desync_jobs.manifest.prices import PricesSpec
from desync_jobs.manifest.stores import PlaceSpec
from desync_jobs.planner.cost import Amount, Bounds, Cost
from desync_jobs.planner.others import works_for_others
from desync_jobs.planner.step import Step

_GIB: Final = 1 << 30
_THOUSAND: Final = 1000
_LISTED: Final = 1000
"""Objects of one answer to a listing."""
_IN_PARTS: Final = 3
"""How many times as many answers a listing takes at most that is shared by several."""
_AT_ONCE: Final = 1 << 20
_FOLDERS: Final = 1 << 16
"""Requests that are added where more than `_AT_ONCE` chunks are listed folder by folder."""
_ROOM: Final = 200
"""Digits; prices have 22 at most, and a byte is a GiB divided by a power of two."""
_OF_LOOKING: Final = "verify", "prune"
"""Kinds that list a store when they run."""
_OCI_READS: Final = 2
_OCI_WRITES: Final = 3


@dataclass(frozen=True, slots=True)
class Charge:
    """What something costs: at least and at most, in one currency."""

    currency: str
    lower: Decimal
    upper: Decimal | None
    """None where nobody knows before it is done."""

    @property
    def exact(self) -> bool:
        """Whether it is known."""
        return self.lower == self.upper


class ChargeDocument(TypedDict):
    """What places ask by their prices, in exact decimal numbers."""

    currency: str
    """Its three letters."""
    lower: str
    """The least it can be."""
    upper: str | None
    """The most it can be, which is the least where it is known; null where nobody knows before it
    is done."""


def charge_document(charge: Charge) -> ChargeDocument:
    """Return a charge as JSON values."""
    return {
        "currency": charge.currency,
        "lower": _text(charge.lower),
        "upper": None if charge.upper is None else _text(charge.upper),
    }


def charge_of(job: JobSpec, steps: Iterable[Step]) -> Charge | None:
    """Return what `steps` cost together; None where no place of `job` has prices."""
    places = _priced(job)
    if not places:
        return None
    with localcontext(Context(prec=_ROOM, traps=[Inexact])):
        found = [one for step in steps for one in _of_step(job, places, step.operation, step.cost)]
        uppers = [upper for _, upper in found if upper is not None]
        return Charge(
            next(iter(places.values()))[1].currency,
            sum((lower for lower, _ in found), Decimal(0)),
            sum(uppers, Decimal(0)) if len(uppers) == len(found) else None,
        )


def _text(amount: Decimal) -> str:
    """Return all digits of an amount, and none that say nothing."""
    whole, _, digits = f"{amount:f}".partition(".")
    digits = digits.rstrip("0")
    return f"{whole}.{digits}" if digits else whole


_Priced = tuple[PlaceSpec, PricesSpec]
_Range = tuple[Decimal, Decimal | None]


def _priced(job: JobSpec) -> dict[str, _Priced]:
    places: dict[str, PlaceSpec] = {**job.stores, **job.caches}
    return {
        name: (place, place.prices) for name, place in places.items() if place.prices is not None
    }


def _of_step(
    job: JobSpec, places: Mapping[str, _Priced], operation: str, cost: Cost
) -> Iterator[_Range]:
    spec = job.operations.get(operation)
    added = job.stores if spec is None else spec.access().adds_to
    if spec is not None and works_for_others(spec):
        names = {member for one in spec.access().places for member in job.members(one)}
        yield from ((Decimal(0), None) for _ in names & places.keys())
    for amount in cost.reads:
        if amount.source in (None, Source.STORE, Source.CACHE):
            yield from _read(job, places, amount)
    if spec is not None and spec.kind == "migrate" and spec.chunk_size is not None:
        # How many chunks there will be shows when they are cut.
        yield from ((Decimal(0), None) for _ in {spec.store} & places.keys())
    for amount in cost.writes:
        if amount.place in places and (amount.source is not None or amount.place in added):
            yield _written(*places[amount.place], amount)
    if spec is not None and spec.kind in _OF_LOOKING and spec.store in places:
        counts = [one.of for one in cost.deletes if one.what == "chunk"]
        count = sum(counts or [one.chunks for one in cost.reads if one.place == spec.store])
        yield _listed(*places[spec.store], count)


def _read(job: JobSpec, places: Mapping[str, _Priced], amount: Amount) -> Iterator[_Range]:
    """Yield what reading costs; of several places that share it, each may be asked for all."""
    names = [amount.place]
    if amount.place not in job.stores and amount.place not in job.caches:
        names = [member for one in amount.place.split("+") for member in job.members(one)]
    alone = len(names) == 1
    stored = _stored(amount)
    dearest = Decimal(0)
    for name in names:
        if name not in places:
            continue
        place, prices = places[name]
        most = _per_thousand(prices.get_1000, amount.requests * _questions(place))
        least = _per_thousand(prices.get_1000, amount.requests) if amount.exact and alone else 0
        yield Decimal(least), most
        dearest = max(dearest, prices.download_gib)
        if alone:
            yield _per_gib(prices.download_gib, stored.lower), Decimal(0)
    yield Decimal(0), _per_gib(dearest, stored.upper if amount.bytes else 0)


def _stored(amount: Amount) -> Bounds:
    """Return the bytes that an amount has in a store, as far as that is known."""
    from desync_jobs.planner.holdings import most_stored_of

    return amount.stored or Bounds(0, most_stored_of(amount.bytes, amount.chunks))


def _written(place: PlaceSpec, prices: PricesSpec, amount: Amount) -> _Range:
    """Return what writing costs: each chunk is looked for before it is written."""
    if amount.source is None and not amount.exact and not amount.bytes:
        return Decimal(0), None
    stored = _stored(amount)
    asked = max(amount.requests, amount.chunks) * _questions(place)
    puts = amount.chunks * (_OCI_WRITES if place.location.kind is Kind.OCI else 1)
    upper = (
        _per_gib(prices.upload_gib, stored.upper)
        + _per_thousand(prices.put_1000, puts)
        + _per_thousand(prices.get_1000, asked)
    )
    if not amount.exact:
        return Decimal(0), upper
    lower = _per_gib(prices.upload_gib, stored.lower)
    return lower + _per_thousand(prices.put_1000, puts), upper


def _listed(place: PlaceSpec, prices: PricesSpec, count: int) -> _Range:
    """Return what listing `count` chunks costs: in parts, whose last pages are not quite full."""
    least = -(-count // _LISTED)
    most = _IN_PARTS * least + 1
    if place.location.kind is not Kind.S3 and count > _AT_ONCE:
        most += _FOLDERS
    return _per_thousand(prices.list_1000, least), _per_thousand(prices.list_1000, most)


def _questions(place: PlaceSpec) -> int:
    """Return how many requests one question takes at most: one for each form of a chunk."""
    forms = 2 if place.reads == "either" else 1
    return forms * (_OCI_READS if place.location.kind is Kind.OCI else 1)


def _per_gib(price: Decimal, size: int) -> Decimal:
    return price * size / _GIB


def _per_thousand(price: Decimal, count: int) -> Decimal:
    return price * count / _THOUSAND
