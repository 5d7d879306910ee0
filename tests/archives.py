"""Archives put together from records, right ones and wrong ones."""

import stat
from collections.abc import Iterable
from enum import Enum

from desync_jobs.formats.catar.encode import encode
from desync_jobs.formats.catar.goodbye import Child, goodbye_table, hash_name
from desync_jobs.formats.catar.records import Entry, Filename, Goodbye, Payload, Record

EVERYTHING = 0xB0000001FFEFFE26
"""The feature flags that casync gives an archive by default."""
NOTHING = 0xB000000000000000
"""Those of an archive that keeps as little as possible."""


class Mark(Enum):
    """What stands for records that depend on what came before."""

    END = "the end of the directory that is open"


END = Mark.END
Part = Record | bytes | Mark


def entry(mode: int, features: int = EVERYTHING, **fields: int) -> Entry:
    values = {"flags": 0, "uid": 0, "gid": 0, "mtime_ns": 0, **fields}
    return Entry(features, mode, **values)


def directory(permissions: int = 0o755, features: int = EVERYTHING, **fields: int) -> Entry:
    return entry(stat.S_IFDIR | permissions, features, **fields)


def regular(permissions: int = 0o644, features: int = EVERYTHING, **fields: int) -> Entry:
    return entry(stat.S_IFREG | permissions, features, **fields)


def file(name: bytes, content: bytes, features: int = EVERYTHING) -> list[Part]:
    permissions = 0o666 if features == NOTHING else 0o644
    return [Filename(name), regular(permissions, features), Payload(len(content)), content]


def archive(parts: Iterable[Part]) -> bytes:
    """Return the bytes of `parts`; `END` becomes the right table of its directory."""
    done = bytearray()
    open_ones: list[tuple[int, list[tuple[bytes, int]]]] = []
    for part in parts:
        at = len(done)
        match part:
            case bytes():
                done += part
                continue
            case Mark():
                begin, names = open_ones.pop()
                ends = [*(start for _, start in names[1:]), at][: len(names)]
                table = goodbye_table(
                    (
                        Child(hash_name(name), start, end)
                        for (name, start), end in zip(names, ends, strict=True)
                    ),
                    at,
                )
                done += encode(Goodbye(table, at - begin))
                continue
            case Entry() if stat.S_ISDIR(part.mode):
                open_ones.append((at, []))
            case Filename() if open_ones:
                open_ones[-1][1].append((part.name, at))
        done += encode(part)
    return bytes(done)
