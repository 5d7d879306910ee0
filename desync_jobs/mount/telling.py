"""What goes wrong behind a file system: an error of one call, and a word to the user."""

import errno
from collections.abc import Callable
from functools import wraps
from threading import Lock
from typing import Any, Final

from desync_jobs.errors import DesyncRunError, InterruptedRunError

_REMEMBERED: Final = 1000


class Failures:
    """Counts the calls that failed, and tells each different message once; from many threads."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._lock = Lock()
        self._told: set[str] = set()
        self.count = 0
        """Calls that failed."""

    def note(self, message: str) -> None:
        """Count one; a kernel asks again and again for what it did not get."""
        with self._lock:
            self.count += 1
            if message in self._told:
                return
            if len(self._told) == _REMEMBERED:
                self._told.clear()
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
