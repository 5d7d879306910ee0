"""Where a tree is unpacked: at its target, or beside it until it takes its place as a whole.

The staged tree has a hidden name that follows from the target's, so that what a killed run left is
found and removed by the next one: a tree that was not complete, or the old one after the switch.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Protocol

from desync_jobs.archive.removal import remove
from desync_jobs.archive.switching import take_place
from desync_jobs.assembly.hidden import hidden_path, open_locked
from desync_jobs.assembly.pending import Durability, sync_folder
from desync_jobs.errors import TargetError
from desync_jobs.execute.target_lock import lock_for_change
from desync_jobs.manifest.operations.untar import UntarSpec
from desync_jobs.stores.syscalls import sync_file_system


class Place(Protocol):
    """Where a tree is written."""

    folder: int
    """The folder that it is in, open."""
    path: str
    """Absolute, without links."""

    def lock(self, fd: int) -> None:
        """Keep others from writing its top, which is open; `LockedError` where one does."""
        ...

    def publish(self, *, changed: bool) -> str | None:
        """Have what was written stay, and be seen; `TargetError`.

        `changed` says whether anything was written. Returns why something is still there that
        nobody needs any more.
        """
        ...


@contextmanager
def planted(target: str, spec: UntarSpec) -> Iterator[Place]:
    """Lend the place where the tree for `target` is written; incomplete ones are removed.

    Raises `TargetError` where there can be none, and `LockedError` while another run writes there.
    """
    path = os.path.realpath(target)
    with ExitStack() as opened:
        try:
            folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise TargetError(f"{path}: its folder does not exist; create it") from error
        except OSError as error:
            raise TargetError.of_writing(path, error) from error
        opened.callback(os.close, folder)
        durability = Durability(spec.durability)
        staged = hidden_path(path, "tree")
        if not spec.atomic:
            if os.path.lexists(staged):
                with _locked(path):
                    _clear(folder, staged)
            # The root of everything has no name.
            yield _Here(folder, path if os.path.basename(path) else "/.", durability)
            return
        opened.enter_context(_locked(path))
        _clear(folder, staged)
        opened.callback(_clear_quietly, folder, staged)
        yield _Beside(folder, staged, path, durability)


class _Here:
    def __init__(self, folder: int, path: str, durability: Durability) -> None:
        self.folder = folder
        self.path = path
        self._durability = durability

    def lock(self, fd: int) -> None:
        lock_for_change(fd, self.path)

    def publish(self, *, changed: bool) -> str | None:
        # The whole file system is synced, which can take long where others write to it.
        if changed and self._durability is not Durability.NONE:
            _sync(self.folder, os.path.basename(self.path), self.path)
        return None


class _Beside:
    def __init__(self, folder: int, path: str, target: str, durability: Durability) -> None:
        self.folder = folder
        self.path = path
        self._target = target
        self._durability = durability

    def lock(self, fd: int) -> None:
        lock_for_change(fd, self.path)

    def publish(self, *, changed: bool) -> str | None:  # noqa: ARG002 - it is another tree
        staged, name = os.path.basename(self.path), os.path.basename(self._target)
        if self._durability is not Durability.NONE:
            _sync(self.folder, staged, self._target)
        with _old_locked(self._target):
            take_place(self.folder, os.fsencode(staged), os.fsencode(name), self._target)
        if self._durability is Durability.FULL:
            with _failures(self._target):
                sync_folder(os.path.dirname(self._target))
        try:
            _clear(self.folder, self.path)
        except TargetError as error:
            return f"the old tree is still there: {error}; the next run tries again"
        return None


@contextmanager
def _old_locked(target: str) -> Iterator[None]:
    """Lock a tree that is about to be replaced; `LockedError` where another run writes it."""
    try:
        fd = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield
        return
    except OSError as error:
        raise TargetError.of_writing(target, error) from error
    try:
        lock_for_change(fd, target)
        yield
    finally:
        os.close(fd)


@contextmanager
def _locked(target: str) -> Iterator[None]:
    """Exclude other runs that put a tree together beside `target`."""
    lock = hidden_path(target, "lock")
    with _failures(target):
        fd = open_locked(lock)
    try:
        yield
    finally:
        # The lock goes with the descriptor, so the name must go first.
        with suppress(OSError):
            os.unlink(lock)
        os.close(fd)


def _clear(folder: int, staged: str) -> None:
    name = os.path.basename(staged)
    if os.path.lexists(staged):
        remove(folder, os.fsencode(name), os.fsencode(staged))


def _clear_quietly(folder: int, staged: str) -> None:
    """Leave nothing where that is possible; otherwise the next run does."""
    with suppress(TargetError):
        _clear(folder, staged)


def _sync(folder: int, name: str, path: str) -> None:
    with _failures(path):
        fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
        try:
            sync_file_system(fd)
        finally:
            os.close(fd)


@contextmanager
def _failures(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TargetError.of_writing(path, error) from error
