"""The one way to stop a run: a token that workers look at between batches.

A signal handler calls `stop`; the next look raises `InterruptedRunError` in
whichever thread looks first, and the run unwinds as for any other error, so
nothing incomplete is ever published.
"""

from desync_jobs.errors import InterruptedRunError


class Cancel:
    """Set at most once, from any thread or a signal handler."""

    def __init__(self) -> None:
        self._signal: str | None = None

    def stop(self, signal_name: str) -> None:
        """Ask the run to stop; the first name given is the one reported."""
        if self._signal is None:
            self._signal = signal_name

    @property
    def stopped(self) -> bool:
        """Whether somebody asked."""
        return self._signal is not None

    def check(self) -> None:
        """Raise `InterruptedRunError` if somebody asked to stop."""
        if self._signal is not None:
            raise InterruptedRunError(self._signal)
