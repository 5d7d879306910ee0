"""Locks: what the names in a job stood for when it was looked at, for later runs.

`JOB.lock` lies beside `JOB.toml` and is kept with it. It has the values of the job's variables, the
digest of every index that operations read, how blobs are cut, and the version of the program. Seeds
are not in it: they save work, and decide nothing.
"""

import os
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints, ValidationError

from desync_jobs._version import __version__
from desync_jobs.errors import UsageError
from desync_jobs.manifest.base import Spec
from desync_jobs.manifest.read import read_document

SUFFIX: Final = ".lock"


class LockedIndex(Spec):
    """An index, told from every other one."""

    sha256: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
    """The digest of its file."""
    bytes: int
    """Bytes of the blob."""
    chunks: int
    """How many chunks the blob has, repeated ones counted."""
    chunk_size: str
    """`MIN:AVG:MAX`."""
    digest: str
    """The digest that names the chunks."""


class Lock(Spec):
    """What a lock file says."""

    version: Literal[1] = 1
    """The version of this format."""
    program: str = __version__
    """The version of the program that wrote it."""
    variables: dict[str, str] = Field(default={})
    """The values of the job's variables."""
    indexes: dict[str, LockedIndex] = Field(default={})
    """The indexes, by the path or URL that the job has for them."""
    cutting: dict[str, dict[str, str]] = Field(default={})
    """How operations that make chunks cut blobs, by their names."""

    def text(self) -> str:
        """Return the content of a lock file; the same for the same lock."""
        import tomli_w

        said = self.model_dump(exclude_defaults=True, exclude={"version", "program"})
        header = "# Written by 'desync-run lock', which also renews it; keep it with its job.\n"
        return header + tomli_w.dumps({"version": 1, "program": self.program, **said})


def lock_path(job: str) -> str:
    """Return where the lock of the job file at `job` is."""
    return os.path.splitext(job)[0] + SUFFIX


def read_lock(path: str) -> Lock | None:
    """Return the lock in a file; None where there is none, `UsageError` for what is no lock."""
    if not os.path.lexists(path):
        return None
    try:
        return Lock.model_validate(read_document(path))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        told = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise UsageError(f"{path}: is no lock of a job: {told}; remove it, or lock anew") from error
