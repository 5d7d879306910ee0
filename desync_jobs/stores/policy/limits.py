"""How much at once and how much a second, as plain arithmetic: no clock, no lock, no waiting."""

from dataclasses import dataclass
from typing import Final

_BURST_SECONDS: Final = 0.1
"""What may go out at once after idling, as time: long enough for timers, too short to be felt."""
_LEAST: Final = 8 << 10
"""Bytes that any answer is expected to have, also after many that said there is nothing."""
_OF_THE_LARGEST: Final = 0.25
"""What a first chunk is expected to be of the largest: casync's average is a fourth of it."""
_FORGETTING: Final = 0.125


@dataclass(frozen=True, slots=True)
class Bodies:
    """What is known of a request's bodies before it goes out, in bytes."""

    sent: int = 0
    most: int = 0
    """The most that may come back, as an answer that is wanted."""


class Expectation:
    """How large the next answer may be, from those that came: rises at once, falls slowly.

    So what is set aside for requests that go out together is rather too much, which they give
    back, than too little, which would pass the rate.
    """

    def __init__(self) -> None:
        self._size: float | None = None

    def of(self, most: int) -> float:
        """Return the bytes expected of an answer that has at most `most`."""
        if self._size is None:
            return max(_OF_THE_LARGEST * most, min(_LEAST, most))
        return min(max(self._size, _LEAST), most)

    def learn(self, size: int) -> None:
        """Take note of an answer."""
        so_far = 0.0 if self._size is None else self._size
        self._size = max(float(size), so_far + (size - so_far) * _FORGETTING)


class Window:
    """How many requests may be in flight: additive increase, multiplicative decrease.

    Begins at the limit, since most places can serve it; halves when the place is overloaded, and
    grows by one whenever as many requests as it allows have succeeded. A request remembers the
    `epoch` it began in, so that what was sent before the last halving does not halve again.
    """

    def __init__(self, limit: int) -> None:
        self.allowed = limit
        self.epoch = 0
        self._limit = limit
        self._successes = 0

    def succeeded(self) -> None:
        """Take note of an answer."""
        if self.allowed == self._limit:
            return
        self._successes += 1
        if self._successes >= self.allowed:
            self.allowed += 1
            self._successes = 0

    def overloaded(self, epoch: int) -> None:
        """Take note that a request of `epoch` met overload."""
        if epoch == self.epoch:
            self.allowed = max(1, self.allowed // 2)
            self.epoch += 1
            self._successes = 0


class Bucket:
    """So many units a second, and a tenth of a second's worth at once.

    Amounts are spent whole: what is overdrawn is waited for by the next. What was too much is
    given back as a negative amount. `rate` None is no limit. Times are of any steady clock.
    """

    def __init__(self, rate: float | None) -> None:
        self.rate = rate
        self._level = 0.0
        self._at: float | None = None

    def wait(self, now: float) -> float:
        """Return the seconds until something may be spent; 0 for now."""
        if self.rate is None:
            return 0.0
        self._fill(self.rate, now)
        return max(0.0, -self._level / self.rate)

    def spend(self, amount: float, now: float) -> None:
        """Take `amount` out."""
        if self.rate is not None:
            self._fill(self.rate, now)
            self._level -= amount

    def _fill(self, rate: float, now: float) -> None:
        if self._at is not None:
            filled = self._level + (now - self._at) * rate
            self._level = min(filled, rate * _BURST_SECONDS)
        self._at = now
