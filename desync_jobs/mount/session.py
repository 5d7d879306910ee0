"""A file system from its mounting to its end, whatever it shows.

libfuse runs in a thread of its own, so that the caller's thread is free for signals, and answers
the kernel from several more. The end comes from outside (somebody unmounts), or from `end`: the
file system is unmounted as soon as nobody uses it, and taken away when that takes too long.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, Self

from desync_jobs.errors import MountError
from desync_jobs.mount.fuse_log import capturing
from desync_jobs.mount.library import fuse_class, load_fuse
from desync_jobs.mount.telling import Failures, Guarded
from desync_jobs.mount.unmounting import detach, is_mounted, left_behind, unmount

_LOOK_AGAIN: Final = 0.1
_LET_GO: Final = 5.0
"""Seconds that libfuse may take to notice that its file system is gone."""
_FOR_EVER: Final = 86400
"""Seconds for which the kernel need not ask again: nothing here changes."""
_READ_AHEAD: Final = 1024
"""KiB that the kernel asks for in advance, which is the most that it asks for at once."""
_LINES: Final = 5
"""Lines of libfuse that are kept for an error."""
_THREADS: Final = 10
_THREADS_SINCE: Final = 12
"""The minor version of libfuse 3 that has a bound for its threads."""


@dataclass(frozen=True, slots=True)
class MountPlace:
    """Where and for whom something is mounted."""

    path: str
    """An existing directory."""
    name: str
    """What the table of mounts calls the source."""
    allow_other: bool = False
    """Whether other users than the one who mounts see anything."""


class Session:
    """One mounted file system; leaving the block ends it, forced if need be.

    `content` has mfusepy's operations as far as it knows them, takes times in nanoseconds
    (`use_ns = True`), and is asked from many threads.
    """

    def __init__(
        self, content: object, place: MountPlace, failures: Failures, **options: object
    ) -> None:
        self._place = place
        self._content = _Started(Guarded(content, failures))
        self._options = options
        self._ended = threading.Event()
        self._device = 0
        """The number of the mounted file system."""
        self._error: BaseException | None = None
        self._said: deque[str] = deque(maxlen=_LINES)
        self._thread = threading.Thread(target=self._run, name="fuse", daemon=True)

    def start(self, tell: Callable[[str], None]) -> None:
        """Mount; returns when the kernel has been answered once. `MountError` where it cannot be.

        A file system that a dead process left at the same place is taken away first, and `tell`
        is told.
        """
        self._fuse = load_fuse(f"mounting at {self._place.path}")
        if left_behind(self._place.path):
            detach(self._place.path)
            tell(f"{self._place.path} had something mounted by a process that is dead: taken away")
        with _same_directory():
            self._thread.start()
            while not self._content.ready.wait(_LOOK_AGAIN):
                if self._ended.is_set():
                    raise self._failure()
        self._device = os.stat(self._place.path).st_dev
        _ask_for_more(self._device)

    @property
    def ended(self) -> bool:
        """Whether it is mounted no longer."""
        return self._ended.is_set()

    def wait(self, seconds: float) -> bool:
        """Return after `seconds`, or when it is mounted no longer; whether that is so.

        `MountError` where the end was a failure.
        """
        if not self._ended.wait(seconds):
            return False
        if self._error is not None:
            raise self._failure()
        return True

    def end(self, patience: float, give_up: Callable[[], None] = lambda: None) -> bool:
        """Unmount; after `patience` seconds in which somebody used it, take it away.

        Then `give_up` is called, which has to end all answers that are still worked on: libfuse
        waits for them, where nobody else does. Returns whether nobody was disturbed.
        """
        deadline = time.monotonic() + patience
        while not self._ended.is_set():
            # Somebody may have taken it away already, and still use it.
            there = is_mounted(self._device)
            if there and unmount(self._place.path):
                give_up()
                return self._ended.wait(_LET_GO)
            if time.monotonic() >= deadline:
                self.leave()
                give_up()
                self._ended.wait(_LET_GO)
                return False
            self._ended.wait(_LOOK_AGAIN)
        return True

    def leave(self) -> None:
        """Take it away at once, whoever uses it, and wait for nothing."""
        if not self._ended.is_set() and is_mounted(self._device):
            detach(self._place.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread.is_alive():
            self.end(0)

    def _run(self) -> None:
        try:
            with capturing(self._fuse, self._said):
                fuse_class(self._fuse)(
                    self._content,
                    self._place.path,
                    foreground=True,
                    **_options(self._fuse, self._place),
                    **self._options,
                )
        except BaseException as error:  # noqa: BLE001 -- raised in the thread that waits
            self._error = error
        finally:
            self._ended.set()

    def _failure(self) -> MountError:
        reason = "; ".join(self._said) or f"libfuse ended with {self._error}"
        what = "is mounted no longer" if self._content.ready.is_set() else "cannot be mounted"
        error = MountError(f"{self._place.path}: {what}: {reason}")
        error.__cause__ = self._error
        return error


class _Started:
    """The content, and the first thing that the kernel does with it."""

    def __init__(self, content: Guarded) -> None:
        self._content = content
        self.ready = threading.Event()

    def init(self, _path: str) -> None:
        self.ready.set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)


def _options(fuse: Any, place: MountPlace) -> dict[str, object]:
    # A comma separates options; libfuse takes a backslash before it.
    name = place.name.replace("\\", "\\\\").replace(",", "\\,")
    options: dict[str, object] = {
        "ro": True,
        "fsname": name,
        "subtype": "desync-run",
        "default_permissions": True,
        "allow_other": place.allow_other,
        "kernel_cache": True,
        "attr_timeout": _FOR_EVER,
        "entry_timeout": _FOR_EVER,
        "negative_timeout": _FOR_EVER,
    }
    if fuse.fuse_version_minor >= _THREADS_SINCE:
        options["max_threads"] = _THREADS
    return options


@contextmanager
def _same_directory() -> Iterator[None]:
    """Come back to where this process is: libfuse goes to the root, also in the foreground."""
    here = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield
    finally:
        os.fchdir(here)
        os.close(here)


def _ask_for_more(device: int) -> None:
    """Have the kernel read 1 MiB at once instead of 128 KiB, where this process may say so.

    A request costs about as much as copying its bytes, so it is two to three times as fast.
    """
    with suppress(OSError):
        path = f"/sys/class/bdi/{os.major(device)}:{os.minor(device)}/read_ahead_kb"
        with open(path, "w", encoding="ascii") as setting:
            setting.write(str(_READ_AHEAD))
