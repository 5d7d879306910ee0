"""Nodes that are read in one go are what their records say, and wrong ones are refused alike."""

from collections.abc import Iterable, Iterator

import pytest

from desync_jobs.errors import ArchiveFormatError
from desync_jobs.formats.catar import plain
from desync_jobs.formats.catar.decode import Decoder, NodeDecoder
from desync_jobs.formats.catar.node import Node
from desync_jobs.formats.catar.records import (
    Entry,
    Filename,
    Group,
    Payload,
    Record,
    Symlink,
    User,
    Xattr,
)
from tests.archives import END, Part, archive, directory, entry, regular

OWNERS = (User(b"alice"), Group(b"users"))


def regular_file(name: bytes, content: bytes = b"content", **fields: int) -> list[Part]:
    return [Filename(name), regular(**fields), *OWNERS, Payload(len(content)), content]


def link(name: bytes) -> list[Part]:
    return [Filename(name), entry(0o120777), *OWNERS, Symlink(b"to/" + name)]


def tree() -> list[Part]:
    """Return an archive of files and links, of which the first of each kind is not known yet."""
    top = [*regular_file(b"a"), *regular_file(b"b", mtime_ns=-2), *link(b"c"), *link(b"d")]
    below = [Filename(b"e"), directory(), *regular_file(b"f", b""), *link(b"g"), END]
    return [directory(), *top, *below, *regular_file(b"h", bytes(9000)), END]


def records(items: Iterable[Record | Node | memoryview]) -> Iterator[Record | bytes]:
    """Yield every record, of whole nodes too, and pieces of content."""
    for item in items:
        if isinstance(item, Node):
            yield Filename(item.name)
            yield from item.records()
        elif isinstance(item, memoryview):
            yield bytes(item)
        else:
            yield item


def read(decoder: Decoder | NodeDecoder, data: bytes, size: int) -> list[Record | bytes | str]:
    """Return what is in an archive that is given in blocks of `size`, or why it is refused."""
    found: list[Record | bytes | str] = []
    try:
        for at in range(0, len(data), size):
            found += records(decoder.feed(data[at : at + size]))
        decoder.finish()
    except ArchiveFormatError as error:
        found.append(str(error))
    return found


def test_all_that_is_known_is_read_in_one_go() -> None:
    nodes = [one for one in NodeDecoder("it").feed(archive(tree())) if isinstance(one, Node)]

    assert [node.name for node in nodes] == [b"b", b"d", b"f", b"g", b"h"]
    assert {node.user for node in nodes} == {User(b"alice")}
    assert nodes[0].entry.mtime_ns == -2


@pytest.mark.parametrize("size", [1, 16, 100, 333, 1 << 20])
def test_the_records_are_the_same_however_an_archive_is_read(size: int) -> None:
    data = archive(tree())

    assert read(NodeDecoder("it"), data, size) == read(Decoder("it"), data, size)


def test_whatever_byte_is_wrong_is_refused_in_the_same_words() -> None:
    parts = [directory(), *regular_file(b"a"), *regular_file(b"b"), *link(b"c"), *link(b"d"), END]
    data = archive(parts)
    for at in range(data.index(b"b\0"), data.index(b"to/d")):
        spoilt = data[:at] + bytes([data[at] ^ (1 + at % 0xFF)]) + data[at + 1 :]

        assert read(NodeDecoder("it"), spoilt, 1 << 20) == read(Decoder("it"), spoilt, 1 << 20), at


@pytest.mark.parametrize(
    "parts",
    [
        [Filename(b"."), regular(), *OWNERS, Payload(0)],
        [Filename(b".."), regular(), *OWNERS, Payload(0)],
        [Filename(b"x/y"), regular(), *OWNERS, Payload(0)],
        [Filename(b"x"), Filename(b"y"), regular(), *OWNERS, Payload(0)],
        [Filename(b"x"), regular(), *reversed(OWNERS), Payload(0)],
        [Filename(b"x"), regular(), *OWNERS, Symlink(b"y")],
        [Filename(b"x"), regular(), *OWNERS],
        [Filename(b"x"), entry(0o120777), *OWNERS, Payload(0)],
        [Filename(b"x"), Entry(0xB000000000000000, 0o100644, 0, 0, 0, 0), Payload(0)],
        [Filename(b"x"), regular(mtime_ns=-1), *OWNERS, Payload(0)],
        [Filename(b"x"), regular(), User(b"root"), Payload(0)],
        [regular(), *OWNERS, Payload(0)],
    ],
)
def test_what_no_node_can_be_is_refused_in_the_same_words(parts: list[Part]) -> None:
    known = [directory(), *regular_file(b"a"), *link(b"b")]
    data = archive([*known, *parts, END])
    found = read(NodeDecoder("it"), data, 1 << 20)

    assert isinstance(found[-1], str)
    assert found == read(Decoder("it"), data, 1 << 20)


def test_a_node_with_something_special_is_read_by_its_records() -> None:
    special: list[Part] = [Filename(b"b"), regular(), *OWNERS, Xattr(b"user.a", b"b"), Payload(0)]
    parts: list[Part] = [directory(), *regular_file(b"a"), *special, *regular_file(b"c"), END]
    items = [*NodeDecoder("it").feed(archive(parts))]

    assert [item.name for item in items if isinstance(item, Node)] == [b"c"]
    assert [item for item in items if isinstance(item, Xattr)] == [Xattr(b"user.a", b"b")]


def test_no_archive_has_more_remembered_than_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain, "_MOST_KNOWN", 2)
    files: list[Part] = [part for uid in range(5) for part in regular_file(b"%d" % uid, uid=uid)]
    again: list[Part] = [part for uid in range(5) for part in regular_file(b"a%d" % uid, uid=uid)]
    items = NodeDecoder("it").feed(archive([directory(), *files, *again, END]))

    assert [item.name for item in items if isinstance(item, Node)] == [b"a0", b"a1"]


def test_a_path_that_is_too_long_is_refused_in_one_go_as_well() -> None:
    name = b"n" * 255
    down = [part for _ in range(255) for part in (directory(), Filename(name))]
    inner = [directory(), Filename(name[:100]), directory(), *regular_file(b"a"), *link(name)]
    data = archive([*down, *inner])
    found = read(NodeDecoder("it"), data, 1 << 20)

    assert "a path of more than 65535 bytes" in str(found[-1])
    assert found == read(Decoder("it"), data, 1 << 20)
