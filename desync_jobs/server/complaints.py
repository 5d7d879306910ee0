"""What a server says of its own trouble: not again at once, because every request may meet it."""

import time
from collections.abc import Callable
from typing import Final

_QUIET_SECONDS: Final = 1.0
"""The same complaint is made once in this time."""


class Complaints:
    """Passes messages on to `report`."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._reported = ("", 0.0)

    def make(self, about: str, what: str) -> None:
        """Say `what` is wrong with the request `about`, unless it was said a moment ago."""
        now = time.monotonic()
        before, when = self._reported
        if what != before or now - when > _QUIET_SECONDS:
            self._reported = (what, now)
            self._report(f"{about}: {what}")
