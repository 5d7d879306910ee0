"""What exceptions of file systems mean, for the policy."""

import asyncio
from typing import Final

from desync_jobs.errors import DesyncRunError
from desync_jobs.stores.policy.retry import Failure, Fault, fault_of_status

_REFUSED: Final = (401, 403)
_PERMANENT: Final = (
    PermissionError,
    FileNotFoundError,
    NotADirectoryError,
    IsADirectoryError,
    NotImplementedError,
    TypeError,
    ValueError,
)
"""What file systems raise when the same again would fail again."""


def failure_of(error: Exception) -> Failure:
    """Return what an exception of a file system is for the policy; raises what is none of its."""
    if isinstance(error, DesyncRunError):
        raise error
    if isinstance(error, asyncio.TimeoutError):
        return Failure("no answer in time", Fault.OVERLOAD)
    text = (str(error).strip() or type(error).__name__).partition("\n")[0]
    status = _status(error)
    if status is not None:
        retry_after = getattr(error, "retry_after", None)
        return Failure(text, fault_of_status(status), retry_after)
    return Failure(text, Fault.PERMANENT if isinstance(error, _PERMANENT) else Fault.TRANSIENT)


def is_refused(error: Exception) -> bool:
    """Tell whether other secrets might be answered differently."""
    return isinstance(error, PermissionError) or _status(error) in _REFUSED


def _status(error: Exception) -> int | None:
    """Return the HTTP status that an exception has under one of the usual names."""
    for key in ("status", "code", "status_code"):
        value = getattr(error, key, None)
        if isinstance(value, int):
            return value
    return None
