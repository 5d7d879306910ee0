"""Small files about a job, each written whole or not at all: saved plans and locks."""

from desync_jobs.assembly.pending import PendingFile
from desync_jobs.errors import SourceError


def publish_text(path: str, text: str) -> bool:
    """Make `path` hold `text`; says whether it did not already. `TargetError` where it cannot."""
    with PendingFile(path) as pending:
        pending.write(text.encode("utf-8", "surrogateescape"))
        if pending.same_as_published():
            return False
        pending.commit()
        return True


def read_published(path: str, limit: int) -> bytes | None:
    """Return the first `limit` bytes and one more; None where there is no such file.

    `SourceError` where it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return file.read(limit + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}") from error
