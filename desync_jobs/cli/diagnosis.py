"""What this installation and this machine can do, as `doctor` shows it."""

import errno
import os
import platform
import resource
import shutil
import sys
import tempfile
from collections.abc import Sequence
from fcntl import ioctl
from importlib import metadata
from importlib.util import find_spec
from struct import pack
from typing import Final

from desync_jobs._version import __version__
from desync_jobs.errors import DesyncRunError

_LIBRARIES: Final = ("click", "numpy", "pydantic", "rich", "tomli", "tomli-w", "zstandard")
_PROGRAMS: Final = ("casync", "desync")

# linux/fs.h: _IOW(0x94, 13, struct file_clone_range), the struct being four 64-bit numbers.
_FICLONERANGE: Final = 0x4020940D
_LOCAL: Final = "local directories, as paths or file:// URLs"

_PROBE_SIZE: Final = 1 << 16  # a multiple of every file system's block size in use


def diagnose(directories: Sequence[str]) -> dict[str, object]:
    """Describe the installation, the machine and each of `directories`."""
    return {
        "version": __version__,
        "python": {"version": platform.python_version(), "executable": sys.executable},
        "platform": platform.platform(),
        "libraries": {name: _version_of(name) for name in _LIBRARIES},
        "kernel": _kernel(),
        "trees": _trees(),
        "zstandard": _zstandard(),
        "drivers": _drivers(),
        "mounts": _mounts(),
        "cores": {"present": os.cpu_count(), "usable": len(os.sched_getaffinity(0))},
        "memory": _memory(),
        "open_files": _open_files(),
        "programs": {name: shutil.which(name) for name in _PROGRAMS},
        "directories": [_directory(path) for path in directories],
    }


def _version_of(library: str) -> str | None:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return None


def _drivers() -> dict[str, str]:
    """Say by URL scheme which places can be asked, or which library is missing."""
    from desync_jobs.manifest.locations import schemes_of
    from desync_jobs.stores.drivers import OBJECT_DRIVERS, STORE_DRIVERS

    found = {"file": _LOCAL}
    for kind, driver in {**OBJECT_DRIVERS, **STORE_DRIVERS}.items():
        missing = driver.library and find_spec(driver.library) is None
        hint = f"needs {driver.library}: pip install 'desync-jobs[{driver.extra}]'"
        found[", ".join(schemes_of(kind))] = hint if missing else kind.value
    return found


def _mounts() -> str:
    """Say what something would be mounted with, or what is missing for that."""
    from desync_jobs.mount.library import load_fuse

    try:
        fuse = load_fuse("mounting")
    except DesyncRunError as error:
        return str(error)
    return f"libfuse {fuse.fuse_version_major}.{fuse.fuse_version_minor}"


def _kernel() -> dict[str, object]:
    """Say which of the two implementations cuts and digests, and why."""
    from desync_jobs.core import kernel

    if kernel.native() is not None:
        best = kernel.best()
        return {"name": best.name, "reason": f"the extension is built; {best.detail}"}
    try:
        import desync_jobs.core._kernel  # noqa: F401 -- only whether it can be imported counts
    except ImportError as error:
        return {"name": kernel.best().name, "reason": f"the extension is not built: {error}"}
    return {"name": kernel.best().name, "reason": "the extension does not run on this machine"}


def _trees() -> str:
    """Say who makes and reads plain entries of archives."""
    from desync_jobs.core.tree import TREE

    return (
        "many entries at a time" if TREE is not None else "one by one: the extension is not built"
    )


def _zstandard() -> dict[str, object]:
    import zstandard

    return {
        "binding": zstandard.__version__,
        "library": ".".join(str(part) for part in zstandard.ZSTD_VERSION),
        "backend": zstandard.backend,
    }


def _memory() -> dict[str, object]:
    """Physical memory and the limits on it, in bytes; `None` where there is no limit."""
    page = os.sysconf("SC_PAGE_SIZE")
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return {
        "physical": page * os.sysconf("SC_PHYS_PAGES"),
        "available": page * os.sysconf("SC_AVPHYS_PAGES"),
        "process_limit": None if limit == resource.RLIM_INFINITY else limit,
        "group_limit": _group_limit(),
    }


def _group_limit() -> int | None:
    """Read the limit of this process's control group (cgroup 2, as containers set it)."""
    try:
        with open("/sys/fs/cgroup/memory.max", encoding="ascii") as stream:
            text = stream.read().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def _open_files() -> dict[str, object]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return {
        "limit": None if soft == resource.RLIM_INFINITY else soft,
        "most": None if hard == resource.RLIM_INFINITY else hard,
    }


def _directory(path: str) -> dict[str, object]:
    absolute = os.path.abspath(path)
    try:
        space = os.statvfs(absolute)
    except OSError as error:
        return {"path": absolute, "error": error.strerror}
    return {
        "path": absolute,
        "free": space.f_bavail * space.f_frsize,
        "size": space.f_blocks * space.f_frsize,
        "free_inodes": space.f_favail,
        **_reflinks(absolute),
    }


def _reflinks(directory: str) -> dict[str, object]:
    """Try whether files in `directory` can share blocks, by sharing some."""
    try:
        with (
            tempfile.TemporaryFile(dir=directory) as source,
            tempfile.TemporaryFile(dir=directory) as target,
        ):
            source.write(os.urandom(_PROBE_SIZE))
            source.flush()
            request = pack("qQQQ", source.fileno(), 0, _PROBE_SIZE, 0)
            ioctl(target.fileno(), _FICLONERANGE, request)
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0, "unknown")
        return {"reflinks": False, "reflinks_reason": f"{error.strerror} ({name})"}
    return {"reflinks": True, "reflinks_reason": "blocks were shared"}
