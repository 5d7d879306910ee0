"""Files of any file system of fsspec, one blocking call each.

Of a file system that is asynchronous inside, its coroutines run in fsspec's own thread, within the
time limit of the policy; one that is not takes the time it takes.
"""

from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from threading import Lock
from typing import Any, Final

from fsspec.asyn import sync

from desync_jobs.stores.objects.base import ObjectEntry, TooLarge
from desync_jobs.stores.objects.files import Step
from desync_jobs.stores.objects.fsspec_failures import is_refused
from desync_jobs.stores.policy.values import Policy

_MODIFIED: Final = ("mtime", "LastModified", "last_modified", "modified", "updated", "created")
"""Where file systems say when a file was modified."""


class Live:
    """A file system as it is asked now: opened at first use, anew when its arguments change.

    `find` returns the arguments, secrets among them, and `make` opens with them.
    """

    def __init__(
        self, find: Callable[[], Mapping[str, Any]], make: Callable[[Mapping[str, Any]], Any]
    ) -> None:
        self._find = find
        self._make = make
        self._lock = Lock()
        self._arguments: Mapping[str, Any] = {}
        self._files: Any = None

    def current(self) -> Any:
        """Return the file system; raises as `find` does."""
        with self._lock:
            if self._files is None:
                self._arguments = self._find()
                self._files = self._make(self._arguments)
            return self._files

    def renew_after(self, error: Exception) -> bool:
        """Tell whether `error` was a refusal, and there is another file system now."""
        if not is_refused(error):
            return False
        with self._lock:
            arguments = self._find()
            if arguments == self._arguments:
                return False
            self._arguments, self._files = arguments, self._make(arguments)
            return True


class FsspecFiles:
    """`Files` in the directory `base` of a file system."""

    def __init__(self, live: Live, base: Callable[[Any], str], policy: Policy) -> None:
        self._live = live
        self._base = base
        self._policy = policy

    def read(self, name: str, limit: int) -> bytes | TooLarge | None:
        # One byte more than wanted tells whether there is more.
        try:
            data: bytes = self._call("cat_file", name, 0, limit + 1, size=limit)
        except FileNotFoundError:
            return None
        return data if len(data) <= limit else TooLarge()

    def size(self, name: str) -> int | None:
        try:
            found = self._call("info", name)
        except FileNotFoundError:
            return None
        if found.get("type") == "directory":
            return None
        size = found.get("size")
        return -1 if size is None else int(size)

    def write(self, name: str, data: bytes, content_type: str) -> None:
        del content_type
        try:
            self._call("pipe_file", name, data, size=len(data))
        except FileNotFoundError:
            self._call("makedirs", name.rpartition("/")[0], exist_ok=True)
            self._call("pipe_file", name, data, size=len(data))

    def create(self, name: str, data: bytes, content_type: str) -> bool:
        del content_type
        try:
            self._call("makedirs", name.rpartition("/")[0], exist_ok=True)
            self._call("pipe_file", name, data, mode="create", size=len(data))
        except FileExistsError:
            return False
        except TypeError as error:
            if "mode" not in str(error):
                raise
            return self._create_unless_seen(name, data)
        return True

    def _create_unless_seen(self, name: str, data: bytes) -> bool:
        """Create a file where the file system only knows how to write one, as that of WebDAV.

        Of two that do so at the same moment both may believe to be the one.
        """
        if self.size(name) is not None:
            return False
        self._call("pipe_file", name, data, size=len(data))
        return True

    def remove(self, name: str) -> None:
        try:
            self._call("rm_file", name)
        except FileNotFoundError:
            return

    def first_step(self, prefix: str) -> Step:
        return Step(prefix.rpartition("/")[0])

    def step(self, step: Step) -> tuple[list[ObjectEntry], list[Step]]:
        base = self._base(self._live.current()).rstrip("/") + "/"
        try:
            found = self._call("ls", step.prefix, detail=True)
        except FileNotFoundError:
            return [], []
        entries: list[ObjectEntry] = []
        more: list[Step] = []
        for one in found:
            name = one["name"].rstrip("/")[len(base) :]
            if one["type"] == "directory":
                if name not in ("", step.prefix):
                    more.append(Step(name))
            else:
                entries.append(ObjectEntry(name, int(one.get("size") or 0), _modified(one)))
        return entries, more

    def _call(self, method: str, name: str, *arguments: Any, size: int = 0, **named: Any) -> Any:
        """Call `method` of the file system with the path of `name`, within the time limit."""
        files = self._live.current()
        base = self._base(files).rstrip("/")
        path = f"{base}/{name}" if name else base
        if not getattr(files, "async_impl", False):
            return getattr(files, method)(path, *arguments, **named)
        coroutine = getattr(files, f"_{method}")
        limit = self._policy.time_for(size)
        return run_in_loop(files, lambda: coroutine(path, *arguments, **named), limit)


def run_in_loop(files: Any, call: Callable[[], Coroutine[Any, Any, Any]], limit: float) -> Any:
    """Run a coroutine in fsspec's thread; `TimeoutError` where it takes longer than `limit`."""
    return sync(files.loop, call, timeout=limit)


def _modified(found: Mapping[str, Any]) -> float | None:
    """Return when a file was modified, in seconds since 1970, if that is told in a usual way."""
    value = next((found[key] for key in _MODIFIED if found.get(key) is not None), None)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime):
        return value.timestamp()
    return float(value) if isinstance(value, int | float) else None
