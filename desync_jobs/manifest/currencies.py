"""One currency for all prices of a job, and for its limit: nothing here converts one to another."""

from collections.abc import Iterator

from desync_jobs.errors import Problem
from desync_jobs.manifest.job import JobSpec


def price_problems(spec: JobSpec) -> Iterator[Problem]:
    """Yield the first place whose currency is not that of those before it, or of the limit."""
    found: tuple[str, str] | None = None
    tables = (("stores", spec.stores), ("caches", spec.caches))
    for table, name, place in (
        (table, name, place) for table, places in tables for name, place in places.items()
    ):
        if place.prices is None:
            continue
        currency = place.prices.currency
        if found is None:
            found = (f"{table}.{name}", currency)
        elif currency != found[1]:
            message = f"{found[0]} has {found[1]}, and nothing converts currencies; use one"
            yield Problem((table, name, "prices", "currency"), message)
            return
    limit = spec.limits.max_cost
    if found is not None and limit is not None and limit.currency != found[1]:
        message = f"{found[0]} has prices in {found[1]}; write the limit in that currency"
        yield Problem(("limits", "max_cost"), message)


def limit_problems(spec: JobSpec) -> Iterator[Problem]:
    """Yield a limit on money where no place asks for any: in a job it is a mistake."""
    for remark in limit_remarks(spec):
        yield Problem(("limits", "max_cost"), f"{remark}; write them, or leave it out")


def limit_remarks(spec: JobSpec) -> Iterator[str]:
    """Yield what is to be said of a limit on money that does not come from the job.

    One that a script gives to every job alike is no mistake where a job has no prices.
    """
    places = (*spec.stores.values(), *spec.caches.values())
    if spec.limits.max_cost is not None and all(one.prices is None for one in places):
        yield "no store or cache has prices, so it limits nothing"
