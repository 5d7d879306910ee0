"""Whether what is planned stays within the limits of the job."""

from collections.abc import Iterable, Iterator

from desync_jobs.core.prices import Source
from desync_jobs.errors import LimitError
from desync_jobs.manifest.job import Job
from desync_jobs.planner.cost import Amount
from desync_jobs.planner.plan import Step
from desync_jobs.report.words import in_bytes


def passed_limit(job: Job, steps: Iterable[Step]) -> LimitError | None:
    """Return the error of the first limit of `job` that `steps` pass together, if they do.

    Of what is not known exactly the most that it can be counts.
    """
    limits = job.spec.limits
    if not limits.on_costs:
        return None
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
