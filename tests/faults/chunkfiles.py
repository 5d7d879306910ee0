"""A store looked at from outside: with hashlib and zstandard, and nothing of the program."""

import hashlib
import os
import re
import stat
from pathlib import Path
from random import Random
from typing import Final

import zstandard

_NAME: Final = re.compile(r"[0-9a-f]{64}\.cacnk")
_NEWEST: Final = 20
_OTHERS: Final = 30


def index_ids(index: Path) -> set[str]:
    """Return the IDs in an index file: a header of 64 bytes, rows of 40, a tail of 40."""
    data = index.read_bytes()
    return {data[at + 8 : at + 40].hex() for at in range(64, len(data) - 40, 40)}


def temporary_files(folder: Path) -> list[str]:
    """Return the names of all files below `folder` that only an unfinished run has.

    Without those that an interrupted extraction keeps for the next one: a hidden file and its
    journal, never one of them alone.
    """
    found = set(folder.rglob("*.tmp"))
    kept = {path for path in found if journal_of(path).exists()}
    return sorted(path.name for path in found - kept)


def journal_of(staged: Path) -> Path:
    """Return where the journal of a hidden file of an extraction is."""
    return staged.with_name(staged.name.removesuffix("tmp") + "journal")


def valid_ids(store: Path) -> set[str]:
    """Return the IDs of a store whose chunk files are all valid.

    Name, mode and size of every file are checked, and the content of those written last, which
    an interruption would hit, and of some others.
    """
    files = [path for path in store.rglob("*") if path.is_file() and path.suffix != ".tmp"]
    found = {path: path.stat() for path in files}
    for path, status in found.items():
        assert _NAME.fullmatch(path.name), path
        assert path.parent == store / path.name[:4], path
        assert stat.S_IMODE(status.st_mode) == 0o444, path
        assert status.st_size > 0, path
    by_age = sorted(files, key=lambda path: found[path].st_mtime_ns)
    others = Random(len(files)).sample(by_age, min(_OTHERS, len(by_age)))
    for path in {*by_age[-_NEWEST:], *others}:
        assert _digest(path) == path.stem, path
    return {path.stem for path in files}


def _digest(path: Path) -> str:
    plain = zstandard.ZstdDecompressor().decompress(path.read_bytes())
    return hashlib.new("sha512_256", plain).hexdigest()


def scratch_folder() -> str | None:
    """Return a folder in memory, None where this machine has none."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 -- in memory
