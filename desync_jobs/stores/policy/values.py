"""What a place may do over the network, as values."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Final, Protocol

_SIZE_FOR_TIMEOUT: Final = 8 << 20


@dataclass(frozen=True, slots=True)
class Policy:
    """Retries, time limits and budgets of one place; times in seconds."""

    attempts: int = 3
    """How often one request is tried in all; 1 is no retry."""
    backoff: float = 0.5
    """The longest first wait between two attempts; each further one is twice as long."""
    backoff_max: float = 30.0
    """The longest wait, and the longest `Retry-After` that is waited for."""
    connect_timeout: float = 10.0
    timeout: float = 60.0
    """How long one attempt may go without a byte; and how long it may take in all, once more for
    every full 8 MiB of its body, so that large indexes have their time and slow drips have not."""
    deadline: float | None = None
    """How long one batch may take with all its attempts."""
    concurrency: int = 64
    """The most requests in flight; fewer while the place is overloaded."""
    bandwidth: int | None = None
    """Bytes a second, over all that is done with that host."""
    requests_per_second: float | None = None
    """Over all that is done with that host."""

    def time_for(self, size: int) -> float:
        """Return how long one attempt may take that moves at most `size` bytes."""
        return self.timeout * (1 + size // _SIZE_FOR_TIMEOUT)


DEFAULT_POLICY: Final = Policy()


class Stopper(Protocol):
    """How a run that is asked to stop reaches those who wait for the network."""

    def check(self) -> None:
        """Raise `InterruptedRunError` where the run is to stop."""
        ...

    def pause(self, seconds: float) -> None:
        """Return after `seconds`, or raise `InterruptedRunError` as soon as the run is to stop."""
        ...

    def before_leaving(self, do: Callable[[], None]) -> AbstractContextManager[None]:
        """While inside, have `do` done where the process ends at once: it must be quick."""
        ...


class NeverStopped:
    """A `Stopper` for those whom nobody asks to stop."""

    def check(self) -> None:
        """Return."""

    def pause(self, seconds: float) -> None:
        time.sleep(seconds)

    def before_leaving(self, do: Callable[[], None]) -> AbstractContextManager[None]:
        """Never do `do`."""
        del do
        return nullcontext()
