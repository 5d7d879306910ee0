"""What goes wrong behind a file system: an error of one call, and a word to the user."""

import errno
import time
from collections.abc import Callable
from functools import wraps
from threading import Lock
from typing import Any, Final

from desync_jobs.errors import DesyncRunError, InterruptedRunError

_MOST: Final = 20
"""Different messages told in one period."""
_PERIOD: Final = 60.0
_ENOUGH: Final = "further failures are counted, and not told for a minute"


class Failures:
    """Counts the calls that failed, and tells what is new; from many threads.

    A kernel asks again and again for what it did not get, and where a store is gone every chunk of
    it has a message of its own: a message is told once a minute, and not more than a few are.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._lock = Lock()
        self._told: set[str] = set()
        self._began = time.monotonic()
        self.count = 0
        """Calls that failed."""

    def note(self, message: str) -> None:
        """Count one, and tell why unless that was told already."""
        with self._lock:
            self.count += 1
            if time.monotonic() - self._began > _PERIOD:
                self._told.clear()
                self._began = time.monotonic()
            if message in self._told or len(self._told) > _MOST:
                return
            if len(self._told) == _MOST:
                message = _ENOUGH
            self._told.add(message)
        self._tell(message)


class Guarded:
    """The content `inner` as a kernel may ask it: every error has a number.

    An `OSError` is an answer; anything else is `EIO` and noted in `failures`.
    """

    def __init__(self, inner: object, failures: Failures) -> None:
        self._inner = inner
        self._failures = failures

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        return self._guarded(value) if callable(value) else value

    def _guarded(self, call: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(call)
        def answer(*arguments: Any) -> Any:
            try:
                return call(*arguments)
            except OSError:
                raise
            except InterruptedRunError:
                pass  # the stores were told that all is over, and this was asked before that
            except DesyncRunError as error:
                self._failures.note(str(error))
            except Exception as error:  # noqa: BLE001 -- the file system goes on, and it is told
                self._failures.note(f"defect in {call.__name__}: {error!r}; please report it")
            raise OSError(errno.EIO, "input/output error")

        return answer
