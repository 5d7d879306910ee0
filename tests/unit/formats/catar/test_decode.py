import random
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desync_jobs.errors import ArchiveFormatError
from desync_jobs.formats.catar.decode import Decoder
from desync_jobs.formats.catar.encode import encode
from desync_jobs.formats.catar.features import DESYNC_FLAGS
from desync_jobs.formats.catar.order import PATH_LIMIT
from desync_jobs.formats.catar.records import (
    AclGroupObj,
    AclUser,
    Device,
    Entry,
    Fcaps,
    Filename,
    Goodbye,
    Group,
    Payload,
    Record,
    RecordType,
    Symlink,
    User,
    Xattr,
)
from tests.archives import END, EVERYTHING, Part, archive, directory, entry, file, regular

REFERENCE = Path(__file__).parents[3] / "vectors" / "archives" / "reference.catar"

SMALL = archive(
    [
        directory(0o750, uid=1000, gid=7, mtime_ns=1_600_000_000_000_000_001),
        User(b"somebody"),
        Filename(b"a"),
        regular(0o640),
        Group(b"daemon"),
        Xattr(b"user.note", b"\0\1\xff"),
        AclUser(4, 6, b"lp"),
        AclGroupObj(4),
        Fcaps(bytes(20)),
        Payload(5),
        b"hello",
        Filename(b"d"),
        directory(),
        END,
        Filename(b"l"),
        entry(0o120777),
        Symlink(b"../a"),
        Filename(b"n"),
        entry(0o20600),
        Device(1, 3),
        Filename(b"p"),
        entry(0o10600),
        END,
    ]
)


def decoded(data: bytes, size: int | None = None) -> list[Record | bytes]:
    """Decode `data` in feeds of `size` bytes; what comes between two records is one piece."""
    decoder = Decoder("archive")
    found: list[Record | bytes] = []
    step = size or len(data) or 1
    for start in range(0, len(data), step):
        for item in decoder.feed(data[start : start + step]):
            if not isinstance(item, memoryview):
                found.append(item)
            elif isinstance(found[-1], bytes):
                found[-1] += bytes(item)
            else:
                found.append(bytes(item))
    decoder.finish()
    return found


def again(items: list[Record | bytes]) -> bytes:
    return b"".join(item if isinstance(item, bytes) else encode(item) for item in items)


@pytest.mark.parametrize("size", [None, 1, 7, 64])
def test_what_is_decoded_encodes_to_the_same_bytes(size: int | None) -> None:
    assert again(decoded(SMALL, size)) == SMALL


@pytest.mark.parametrize("size", [None, 1000, 65536])
def test_what_is_decoded_of_casyncs_archive_encodes_to_the_same_bytes(size: int | None) -> None:
    data = REFERENCE.read_bytes()

    assert again(decoded(data, size)) == data


def test_times_before_1970_are_negative() -> None:
    entries = [one for one in decoded(REFERENCE.read_bytes()) if isinstance(one, Entry)]

    assert min(one.mtime_ns for one in entries) == -86_400_000_000_000


def test_an_archive_that_ends_too_early_is_refused_wherever_that_is() -> None:
    for length in range(len(SMALL)):
        with pytest.raises(ArchiveFormatError, match=f"ends at byte {length}, before it is"):
            decoded(SMALL[:length])


@pytest.mark.parametrize("more", [b"\0", bytes(16), SMALL])
@pytest.mark.parametrize("size", [None, 1])
def test_an_archive_that_goes_on_after_its_end_is_refused(more: bytes, size: int | None) -> None:
    with pytest.raises(ArchiveFormatError, match=f"archive: goes on after its end at {len(SMALL)}"):
        decoded(SMALL + more, size)


@pytest.mark.parametrize("kind", RecordType)
@pytest.mark.parametrize("size", [0, 15, 1 << 63, (1 << 64) - 1])
def test_a_size_that_no_record_has_is_refused(kind: RecordType, size: int) -> None:
    begin = archive([directory()])

    with pytest.raises(ArchiveFormatError, match=f"at byte 64: a {kind.name} record of {size} byt"):
        decoded(begin + struct.pack("<QQ", size, kind))


def test_an_unknown_record_is_refused() -> None:
    with pytest.raises(ArchiveFormatError, match="at byte 64: a record of the unknown type 0x7b"):
        decoded(archive([directory()]) + struct.pack("<QQ", 16, 123))


def test_a_table_is_as_long_as_its_directory_has_names() -> None:
    # Nothing is kept for a table of any other size, however large it says it is.
    size = 16 + 24 * (1 << 40)
    with pytest.raises(ArchiveFormatError, match="at byte 64: a GOODBYE record without one item"):
        decoded(archive([directory()]) + struct.pack("<QQ", size, RecordType.GOODBYE))


@pytest.mark.parametrize("names", [0, 2])
def test_a_table_without_one_item_for_each_name_is_refused(names: int) -> None:
    wrong = encode(Goodbye(bytes(24 * names), 64 + 18 + 64 + 17))

    with pytest.raises(ArchiveFormatError, match="at byte 163: a GOODBYE record without one item"):
        decoded(archive([directory(), *file(b"x", b"1"), wrong]))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([regular(), Payload(0)], "at byte 0: a root that is a file; archives hold directories"),
        ([Filename(b"x")], "at byte 0: a record Filename at the beginning, where an archive has"),
        ([directory(), *file(b"..", b"")], r"at byte 64: the name b'\.\.', which could lead out"),
        ([directory(), *file(b"a/b", b"")], "at byte 64: the name b'a/b', which could lead out"),
        ([directory(), Filename(b"x"), regular(), END], "at byte 146: a file without its content"),
        ([directory(), Filename(b"x"), END], "at byte 82: a record Goodbye after a name"),
        ([directory(), encode(Goodbye(b"", 65))], "at byte 64: a GOODBYE record that belongs to"),
        ([directory(uid=65535)], "at byte 0: an ENTRY record with the owner 65535"),
        ([directory(), Payload(0)], "at byte 64: a record Payload after Entry"),
        ([directory(), *file(b"a" * 256, b"")], "at byte 64: a FILENAME record of 273 bytes"),
        ([directory(), Xattr(b"user.a", bytes(65537))], "at byte 64: an XATTR record with a value"),
    ],
)
def test_an_error_says_where_and_what(parts: list[Part], message: str) -> None:
    with pytest.raises(ArchiveFormatError, match=message):
        decoded(archive(parts))


def test_directories_may_be_deeper_than_casync_goes_but_not_without_end() -> None:
    def nested(depth: int, name: bytes) -> bytes:
        down: list[Part] = [part for _ in range(depth) for part in (directory(), Filename(name))]
        return archive([*down, directory(), *[END] * (depth + 1)])

    assert len(decoded(nested(1000, b"n"))) == 3002
    with pytest.raises(ArchiveFormatError, match=f"a path of more than {PATH_LIMIT} bytes"):
        decoded(nested(300, b"n" * 250))


def test_attributes_of_desyncs_archives_lose_the_nul_that_desync_adds() -> None:
    node = Entry(DESYNC_FLAGS, 0o40755, 0, 0, 0, 0)
    given = [Xattr(b"user.a", b"bar\0"), Xattr(b"user.b", b"\0"), Xattr(b"user.c", b"\0\0")]
    read = [one for one in decoded(archive([node, *given, END])) if isinstance(one, Xattr)]

    assert [one.value for one in read] == [b"bar", b"", b"\0"]
    with pytest.raises(ArchiveFormatError, match="an XATTR record without desync's NUL at its end"):
        decoded(archive([node, Xattr(b"user.a", b"bar"), END]))


def test_names_without_a_node_are_read_in_desyncs_archives_alone() -> None:
    orphans: list[Part] = [Filename(b"fifo"), Filename(b"socket"), END]
    read = decoded(archive([Entry(DESYNC_FLAGS, 0o40755, 0, 0, 0, 0), *orphans]))

    assert [one.name for one in read if isinstance(one, Filename)] == [b"fifo", b"socket"]
    with pytest.raises(ArchiveFormatError, match="at byte 85: a record Filename after a name"):
        decoded(archive([directory(), *orphans]))


def test_flags_that_casync_would_not_read_are_refused() -> None:
    with pytest.raises(ArchiveFormatError, match="not in normal form: PERMISSIONS excludes READ"):
        decoded(archive([Entry(0x180, 0o40755, 0, 0, 0, 0)]))
    with pytest.raises(ArchiveFormatError, match="at byte 82: an ENTRY record with other feature"):
        decoded(archive([directory(), Filename(b"x"), directory(features=EVERYTHING & ~0x20)]))


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_with_one_kind_of_error(data: bytes) -> None:
    with pytest.raises(ArchiveFormatError):
        decoded(archive([directory()]) + data)


def test_a_damaged_archive_is_read_or_refused_and_nothing_else() -> None:
    chance = random.Random(5)
    refused = 0
    for _ in range(3000):
        data = bytearray(SMALL)
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(data))
            match chance.randrange(3):
                case 0:
                    data[at] ^= 1 << chance.randrange(8)
                case 1:
                    del data[at : at + chance.randint(1, 40)]
                case _:
                    data[at:at] = data[chance.randrange(len(data)) :][:64]
            if not data:
                data = bytearray(1)
        try:
            assert len(again(decoded(bytes(data), chance.choice([None, 11])))) == len(data)
        except ArchiveFormatError as error:
            assert str(error).startswith("archive: ")  # noqa: PT017 -- not every time
            refused += 1

    assert 2000 < refused < 3000
