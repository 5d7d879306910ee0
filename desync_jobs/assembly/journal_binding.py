"""What a journal holds on to: an index, and a target as it was found.

A file is recognised by its inode and the time it was made: no later file with that inode has the
same, and neither changes where the file system gets another device number. Where no such time is
kept, by device number and inode. A device is recognised by what sysfs tells of it, else by its
number, and by its size.
"""

import os
import stat
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from desync_jobs.assembly.device_identity import stable_identity
from desync_jobs.assembly.placing import Target
from desync_jobs.assembly.statx import born
from desync_jobs.errors import TargetError
from desync_jobs.formats.index import Index
from desync_jobs.formats.journal import LIFE_SIZE, NAME_SIZE, Subject, TargetIdentity, TargetKind

_BOOT_ID: Final = "/proc/sys/kernel/random/boot_id"
_DISKS: Final = "/sys/dev/block"


@dataclass(frozen=True, slots=True)
class Binding:
    """A target as it was found, before this run changed anything about it, and its index."""

    subject: Subject
    life: bytes
    """The same as long as what was written but not synced cannot have been lost."""
    changed: int
    """When the target's content or attributes were changed last (ctime), in nanoseconds.

    Unlike the time of modification, no program can set it.
    """
    size: int
    """Bytes of the target."""


def bind(target: Target, index: Index, file_digest: str) -> Binding:
    """Return what a journal of extracting `index` to `target` is bound to.

    `file_digest` is the SHA-256 of the index file, in hex. Call this under the target's lock and
    before anything changes the target, its size too. Raises `TargetError`.
    """
    try:
        found = os.fstat(target.fd)
        regular = stat.S_ISREG(found.st_mode)
        size = found.st_size if regular else os.lseek(target.fd, 0, os.SEEK_END)
    except OSError as error:
        raise TargetError(f"{target.name}: cannot be examined: {error.strerror}") from error
    if regular:
        made = born(target.fd)
        device = 0 if made else found.st_dev
        identity = TargetIdentity(TargetKind.REGULAR, device, found.st_ino, made)
        life = _life(found.st_dev)
    else:
        identity = _device(found.st_rdev, size)
        life = _life(found.st_rdev)
    subject = Subject(file_digest, len(index), index.blob_size, identity)
    return Binding(subject, life, found.st_ctime_ns, size)


def _device(device: int, size: int) -> TargetIdentity:
    known = stable_identity(device)
    if known is None:
        return TargetIdentity(TargetKind.DEVICE, device, size=size)
    name = blake2b(os.fsencode(known), digest_size=NAME_SIZE).digest()
    return TargetIdentity(TargetKind.NAMED_DEVICE, 0, size=size, name=name)


def _life(device: int) -> bytes:
    """Return what changes with each boot, and when a disk is unplugged or another one attached.

    `diskseq` (Linux 5.15) counts attachments; file systems without a disk have none.
    """
    disk = f"{_DISKS}/{os.major(device)}:{os.minor(device)}"
    # A partition has the number of its disk, the folder it is in.
    attachment = _read(f"{disk}/diskseq") or _read(f"{disk}/../diskseq")
    boot = _read(_BOOT_ID) or os.urandom(LIFE_SIZE)
    parts = (boot, str(device).encode(), attachment)
    return blake2b(b"\n".join(parts), digest_size=LIFE_SIZE).digest()


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read().strip()
    except OSError:
        return b""
