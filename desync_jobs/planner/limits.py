"""Whether what is planned stays within the limits of the job."""

from collections.abc import Iterable, Iterator
from typing import Final

from desync_jobs.core.prices import Source
from desync_jobs.errors import LimitError
from desync_jobs.manifest.job import Job
from desync_jobs.manifest.limits import LimitsSpec
from desync_jobs.planner.cost import Amount, Deletion
from desync_jobs.planner.step import Step
from desync_jobs.report.words import counted, in_bytes

_SHARE: Final = 0.5
"""Of a store's chunk files that may be removed, unless the job says otherwise."""


def passed_limit(job: Job, steps: Iterable[Step]) -> LimitError | None:
    """Return the error of the first limit of `job` that `steps` pass together, if they do.

    Of what is not known exactly the most that it can be counts.
    """
    steps = list(steps)
    limits = job.spec.limits
    deletions = passed_deletions(limits, [one for step in steps for one in step.cost.deletes])
    if deletions is not None or not limits.on_costs:
        return deletions
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
    return None


def passed_deletions(limits: LimitsSpec, deletions: list[Deletion]) -> LimitError | None:
    """Return the error of the first of `limits` that `deletions` pass together, if they do."""
    count = sum(one.chunks for one in deletions)
    if limits.max_deletions is not None and count > limits.max_deletions:
        return LimitError(
            f"{counted(count, _word(deletions))} would be removed, more than max_deletions = "
            f"{limits.max_deletions:,}; nothing is removed"
        )
    most = _SHARE if limits.max_deletion_share is None else limits.max_deletion_share
    for one in deletions:
        if one.chunks > most * one.of:
            return LimitError(
                f"{one.chunks:,} of {counted(one.of, one.what)} of {_place(one)} would be "
                f"removed, more than max_deletion_share = {most * 100:g}%; nothing is removed"
            )
    return None


def _word(deletions: list[Deletion]) -> str:
    words = {one.what for one in deletions if one.chunks}
    return words.pop() if len(words) == 1 else "file"


def _place(deletion: Deletion) -> str:
    return f"store {deletion.place}" if deletion.what == "chunk" else deletion.place


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
