"""libfuse 3 and the binding to it, found or named with the command that installs it.

The binding picks the library when it is imported, and without being told it prefers libfuse 2.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Final

from desync_jobs.errors import MountError
from desync_jobs.stores.extras import need

_CHOICE: Final = "FUSE_LIBRARY_NAME"
_GIVEN: Final = "FUSE_LIBRARY_PATH"
"""The user's own choice of a library goes first."""
_DEVICE: Final = "/dev/fuse"
_MAJOR: Final = 3
_INSTALL: Final = "apt-get install fuse3"


def load_fuse(what: str) -> ModuleType:
    """Return the module `mfusepy` with libfuse 3.

    `what` says who needs it. `UsageError` without the module; `MountError` without the library,
    or where this process may not use FUSE at all.
    """
    try:
        with _choosing("fuse3"):
            module = need("mfusepy", "mount", what)
    except (OSError, AttributeError) as error:  # what mfusepy raises where there is no library
        raise MountError(f"{what} needs libfuse 3: {_INSTALL}") from error
    if module.fuse_version_major != _MAJOR:
        found = f"{module.fuse_version_major}.{module.fuse_version_minor}"
        raise MountError(f"{what} needs libfuse 3, and found {found}: {_INSTALL}")
    _check_device(what)
    return module


def fuse_class(module: ModuleType) -> Any:
    """Return the class that mounts, with the one operation that mfusepy's leaves out."""

    class Fuse(module.FUSE):  # type: ignore[name-defined,misc]  # a module that is found late
        def lseek(self, path: bytes, offset: int, whence: int, _file: object) -> int:
            name = path.decode(self.encoding, self.errors)
            found: int = self.operations.lseek(name, offset, whence)
            return found

    return Fuse


@contextmanager
def _choosing(name: str) -> Iterator[None]:
    """While inside, have mfusepy look for this library, unless the user named one."""
    if _GIVEN in os.environ or _CHOICE in os.environ:
        yield
        return
    os.environ[_CHOICE] = name
    try:
        yield
    finally:
        del os.environ[_CHOICE]


def _check_device(what: str) -> None:
    """Raise `MountError` where nothing can be mounted, whatever it is."""
    try:
        os.close(os.open(_DEVICE, os.O_RDWR | os.O_CLOEXEC))
    except FileNotFoundError as error:
        raise MountError(
            f"{what} needs FUSE, and there is no {_DEVICE}: modprobe fuse, or give the container "
            f"that device"
        ) from error
    except OSError as error:
        raise MountError(
            f"{what} needs FUSE, and {_DEVICE} cannot be opened: {error.strerror}; run as root, or "
            "ask for access to it"
        ) from error
