"""What the answer to a GET of an object means, whoever keeps objects over HTTP."""

from typing import Final

from desync_jobs.stores.http.failures import status_failure
from desync_jobs.stores.http.messages import Response
from desync_jobs.stores.objects.base import TooLarge
from desync_jobs.stores.policy.retry import Failure, Fault

_FOUND: Final = 200
_MISSING: Final = 404

_HEADLESS: Final = Failure("the answer has no content and no length", Fault.TRANSIENT)
"""libcurl takes a connection that closes between two headers for the end of the answer."""


def read_answer(_: int, response: Response) -> bytes | TooLarge | Failure | None:
    """Return the content of an object, or why there is none."""
    if response.status == _FOUND:
        if response.cut:
            return TooLarge(response.length)
        return response.body if response.body or response.length == 0 else _HEADLESS
    return None if response.status == _MISSING else status_failure(response)
