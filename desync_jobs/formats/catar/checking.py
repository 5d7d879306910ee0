"""Whether a reader takes a node that something else than a file system told of."""

import stat

from desync_jobs.errors import ArchiveFormatError
from desync_jobs.formats.catar.encode import encode
from desync_jobs.formats.catar.node import Node, NodeKind
from desync_jobs.formats.catar.order import Grammar
from desync_jobs.formats.catar.parse import XATTR_LIMIT, parse_body, parse_header
from desync_jobs.formats.catar.records import HEADER_SIZE, Entry, Filename, Payload, Record, Xattr


class NodeCheck:
    """Checks nodes of one archive by every rule that `Decoder` has for them."""

    def __init__(self, features: int) -> None:
        self._inside = Grammar()
        self._inside.accept(Entry(features, stat.S_IFDIR | 0o777, 0, 0, 0, 0), 0)

    def check(self, node: Node) -> None:
        """Check a node, whatever directory it is in; `ArchiveFormatError`."""
        grammar = self._inside
        # The root alone has no name, and is a directory.
        name = _read_back(Filename(node.name)) if node.name else None
        if node.kind is NodeKind.DIRECTORY:
            grammar = Grammar()
        elif name is not None:
            grammar.accept(name, 0)
        for record in node.records():
            if isinstance(record, Xattr) and len(record.value) > XATTR_LIMIT + grammar.from_desync:
                raise ArchiveFormatError("an extended attribute with a value that no file can have")
            grammar.accept(_read_back(record), 0)


def _read_back(record: Record) -> Record:
    data = encode(record)
    kind, size = parse_header(data[:HEADER_SIZE])
    return Payload(size) if isinstance(record, Payload) else parse_body(kind, data[HEADER_SIZE:])
