"""Tar streams put together member by member, by Python's own writer."""

import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from desync_jobs.formats.catar.reading import Opened, TreeReader
from desync_jobs.formats.catar.records import Payload

DIRECTORY = tarfile.DIRTYPE
LINK = tarfile.LNKTYPE
SYMLINK = tarfile.SYMTYPE
END = bytes(1024)

Style = Literal[0, 1, 2]
"""One of `tarfile`'s formats."""


@dataclass(frozen=True)
class Given:
    """A member to be written."""

    name: str
    content: bytes = b""
    kind: bytes = tarfile.REGTYPE
    target: str = ""
    fields: Mapping[str, object] = field(default_factory=dict)
    """Of its `TarInfo`."""

    def bytes(self, style: Style = tarfile.PAX_FORMAT) -> bytes:
        info = tarfile.TarInfo(self.name)
        info.type = self.kind
        info.mode = 0o755 if self.kind == DIRECTORY else 0o644
        info.linkname = self.target
        info.size = len(self.content)
        info.mtime = 1_000_000_000
        for key, value in self.fields.items():
            setattr(info, key, value)
        return info.tobuf(style, "utf-8", "surrogateescape") + padded(self.content)


def padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % 512)


def stream(members: Iterable[Given | bytes], style: Style = tarfile.PAX_FORMAT) -> bytes:
    """Return the stream of `members`; bytes are taken as they are."""
    parts = [one if isinstance(one, bytes) else one.bytes(style) for one in members]
    return b"".join(parts) + END


def folder(name: str, **fields: object) -> Given:
    return Given(name, kind=DIRECTORY, fields=fields)


def global_header(records: Mapping[str, str]) -> bytes:
    return tarfile.TarInfo.create_pax_global_header(dict(records))


def tree_of(archive: bytes) -> dict[str, tuple[Opened, bytes]]:
    """Return every node of an archive by its path, with the content of files."""
    reader, found = TreeReader("archive"), dict[str, tuple[Opened, bytes]]()
    last = ""
    for event in reader.feed(archive):
        if isinstance(event, Opened):
            last = event.path.decode("utf-8", "surrogateescape")
            found[last] = (event, b"")
        elif isinstance(event, memoryview):
            opened, so_far = found[last]
            found[last] = (opened, so_far + bytes(event))
    reader.finish()
    return found


def contents(archive: bytes) -> dict[str, bytes | None]:
    """Return the content of each file by its path, None for what is no file."""
    return {
        path: content if isinstance(opened.node.body, Payload) else None
        for path, (opened, content) in tree_of(archive).items()
    }
