"""How a job stands, in words, for people."""

import time
from collections.abc import Iterator

from desync_jobs.execute.kept_work import KeptWork
from desync_jobs.execute.status import JobStatus, OperationStatus
from desync_jobs.report.words import counted, in_a_line, in_bytes


def describe(status: JobStatus) -> str:
    """Return a line for each operation, aligned, and below it what interrupted runs left.

    Errors are left to whoever shows it, to be told as such.
    """
    names = max((len(one.operation) for one in status.operations), default=0)
    states = max((len(one.state.value) for one in status.operations), default=0)
    lines = []
    for one in status.operations:
        reason = in_a_line(one.reason) if one.error is None else "cannot be done"
        lines.append(f"{one.operation:{names}}  {one.state.value:{states}}  {reason}")
        lines += [f"    {line}" for line in _kept_lines(one)]
    return "\n".join(lines)


def _kept_lines(one: OperationStatus) -> Iterator[str]:
    for kept in one.kept:
        yield f"right     {_amount(kept)}"
        yield f"written   {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(kept.written))}"
        yield f"in        {kept.path}"
        if kept.journal is not None:
            yield f"journal   {kept.journal}"
        if kept.locked:
            yield "a run is at it now"


def _amount(kept: KeptWork) -> str:
    if kept.chunks_total is None:
        return "unknown, there is no journal: the next run begins anew"
    if kept.fits is False:
        return "nothing, the journal is about another index: the next run begins anew"
    words = f"{kept.chunks_done:,} of {counted(kept.chunks_total, 'chunk')}"
    if kept.bytes_done is not None and kept.bytes_total is not None:
        words += f", {in_bytes(kept.bytes_done)} of {in_bytes(kept.bytes_total)}"
    if kept.chunks_doubtful:
        words += f"; {kept.chunks_doubtful:,} more to be digested"
    return words
