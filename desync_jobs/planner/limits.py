"""Whether what is planned stays within the limits of the job."""

from collections.abc import Iterable, Iterator
from typing import Final

from desync_jobs.core.prices import Source
from desync_jobs.errors import LimitError
from desync_jobs.manifest.job import Job
from desync_jobs.manifest.limits import LimitsSpec
from desync_jobs.manifest.prices import format_money
from desync_jobs.planner.cost import QUARANTINED, QUARANTINED_INDEX, Amount, Deletion
from desync_jobs.planner.money import charge_of
from desync_jobs.planner.others import works_for_others
from desync_jobs.planner.step import Step
from desync_jobs.report.words import counted, in_bytes, in_money

_SHARE: Final = 0.5
"""Of a store's chunk files, or of a place's indexes, unless the job says otherwise."""


def passed_limit(job: Job, steps: Iterable[Step]) -> LimitError | None:
    """Return the error of the first limit of `job` that `steps` pass together, if they do.

    Of what is not known exactly the most that it can be counts.
    """
    steps = list(steps)
    limits = job.spec.limits
    deletions = passed_deletions(limits, [one for step in steps for one in step.cost.deletes])
    if deletions is not None or not limits.on_costs:
        return deletions
    unbounded = _unbounded(job, steps)
    if unbounded is not None:
        return unbounded
    fetched = list(_fetched(job, steps))
    download = sum(_most_bytes(amount) for amount in fetched)
    requests = sum(amount.requests for amount in fetched)
    if limits.max_download is not None and download > limits.max_download:
        exact = all(amount.stored is not None and amount.stored.exact for amount in fetched)
        least = "" if exact else "up to "
        return LimitError(
            f"{least}{in_bytes(download)} would come from stores, more than max_download = "
            f"{in_bytes(limits.max_download)}; nothing of that is fetched"
        )
    if limits.max_requests is not None and requests > limits.max_requests:
        return LimitError(
            f"stores would be asked {requests:,} times, more than max_requests = "
            f"{limits.max_requests:,}; nothing of that is fetched"
        )
    return _passed_cost(job, steps)


def _unbounded(job: Job, steps: Iterable[Step]) -> LimitError | None:
    """Return the error of a limit on stores from which others decide what is fetched."""
    limits = job.spec.limits
    if limits.max_download is not None:
        words = f"max_download = {in_bytes(limits.max_download)}"
    elif limits.max_requests is not None:
        words = f"max_requests = {limits.max_requests:,}"
    else:
        return None
    for step in steps:
        spec = job.spec.operations.get(step.operation)
        if spec is None or not works_for_others(spec):
            continue
        used = (one for name in spec.access().uses_stores for one in job.spec.members(name))
        if any(one in job.spec.stores for one in used):
            return LimitError(
                f"{step.operation}: what others ask for decides what {spec.kind} fetches, so "
                f"{words} cannot be kept; leave the limit out, or move {step.operation} to a job "
                "without it; nothing is begun"
            )
    return None


def _passed_cost(job: Job, steps: Iterable[Step]) -> LimitError | None:
    limit, charge = job.spec.limits.max_cost, charge_of(job.spec, steps)
    if limit is None or charge is None:
        return None
    words = f"max_cost = {format_money(limit)}"
    if charge.upper is None:
        return LimitError(
            f"what is fetched or written is only known when it is done, so {words} cannot be "
            "kept; leave the limit out, or the prices of places that are used; nothing is begun"
        )
    if charge.upper > limit.amount:
        least = "" if charge.exact else "up to "
        return LimitError(
            f"{least}{in_money(charge.upper, charge.currency)} would be asked for it, more than "
            f"{words}; nothing of that is begun"
        )
    return None


def passed_deletions(limits: LimitsSpec, deletions: list[Deletion]) -> LimitError | None:
    """Return the error of the first of `limits` that `deletions` pass together, if they do."""
    count = sum(one.chunks for one in deletions)
    if limits.max_deletions is not None and count > limits.max_deletions:
        return LimitError(
            f"{_in_words(deletions)} would be removed, more than max_deletions = "
            f"{limits.max_deletions:,}; nothing is removed"
        )
    most = _SHARE if limits.max_deletion_share is None else limits.max_deletion_share
    for one in deletions:
        if one.chunks > most * one.of:
            return LimitError(
                f"{_part(one)} would be removed, more than max_deletion_share = {most * 100:g}%; "
                "nothing is removed"
            )
    return None


def _in_words(deletions: list[Deletion]) -> str:
    counts: dict[str, int] = {}
    for one in deletions:
        if one.chunks:
            counts[one.what] = counts.get(one.what, 0) + one.chunks
    return " and ".join(counted(count, what) for what, count in counts.items())


def _part(deletion: Deletion) -> str:
    count, of = deletion.chunks, deletion.of
    if deletion.what == QUARANTINED:
        return f"{counted(count, QUARANTINED)} of {of:,} chunks of store {deletion.place} in all"
    if deletion.what == QUARANTINED_INDEX:
        return f"{counted(count, QUARANTINED_INDEX)} of {of:,} indexes of {deletion.place} in all"
    place = f"store {deletion.place}" if deletion.what == "chunk" else deletion.place
    return f"{count:,} of {counted(of, deletion.what)} of {place}"


def _fetched(job: Job, steps: Iterable[Step]) -> Iterator[Amount]:
    """Yield what comes from stores."""
    for step in steps:
        for amount in step.cost.reads:
            if amount.source is Source.STORE or (
                amount.source is None and amount.place in job.spec.stores
            ):
                yield amount


def _most_bytes(amount: Amount) -> int:
    return amount.bytes if amount.stored is None else amount.stored.upper
