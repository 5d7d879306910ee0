"""What a verification found wrong, and the report of it for programs."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from desync_jobs.execute.outputs import write_output
from desync_jobs.execute.task import Task


@dataclass(frozen=True, slots=True)
class Finding:
    """One chunk that is not as it should be."""

    chunk: str
    """Its ID, in hex."""
    problem: str
    """`damaged`, `missing`, or `unknown` where a store cannot tell."""
    store: str
    """The store, or the stores that were asked."""
    reason: str
    action: str = "none"
    """What became of it: `none`, `replaced`, `removed`, or `mended` by somebody else."""
    form: str = ""
    """`plain` or `compressed`; empty where no file was looked at."""
    size: int = 0
    """Stored bytes, where a file was looked at."""

    @property
    def open(self) -> bool:
        """Whether it is still as it was found."""
        return self.action == "none"


def write_report(task: Task[Any], path: str | None, findings: Iterable[Finding]) -> None:
    """Write a JSON list of `findings` to `path`, an object on each line; nothing without a path."""
    if path is not None:
        write_output(task.path(path), task.machine.streams, _lines(findings))


def _lines(findings: Iterable[Finding]) -> Iterator[bytes]:
    before = b"[\n"
    for one in findings:
        yield before + json.dumps(asdict(one), ensure_ascii=True).encode("ascii")
        before = b",\n"
    yield b"\n]\n" if before == b",\n" else b"[]\n"
