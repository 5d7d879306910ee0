"""Whole archives put together record by record, against those that casync and desync made."""

import hashlib
import stat
import struct

import pytest

from desync_jobs.formats.catar.encode import encode
from desync_jobs.formats.catar.features import DESYNC_FLAGS
from desync_jobs.formats.catar.goodbye import Child, goodbye_table, hash_name
from desync_jobs.formats.catar.node import Node, NodeKind
from desync_jobs.formats.catar.records import (
    AclDefault,
    AclDefaultGroup,
    AclGroup,
    AclGroupObj,
    AclUser,
    Device,
    Entry,
    Fcaps,
    Filename,
    Goodbye,
    Payload,
    QuotaProject,
    Record,
    Symlink,
    User,
    Xattr,
)


def child(name: bytes, start: int, end: int) -> Child:
    return Child(hash_name(name), start, end)


def goodbye(start: int, entry: int, *children: Child) -> bytes:
    return encode(Goodbye(goodbye_table(children, start), start - entry))


def test_an_archive_without_features_is_the_one_that_casync_makes() -> None:
    def entry(mode: int) -> bytes:
        return encode(Entry(0xB000000000000000, mode, 0, 0, 0, 0))

    archive = b"".join(
        (
            entry(stat.S_IFDIR | 0o777),
            encode(Filename(b"a")) + entry(stat.S_IFREG | 0o666) + encode(Payload(6)) + b"hello\n",
            encode(Filename(b"d")) + entry(stat.S_IFDIR | 0o777),
            encode(Filename(b"empty")) + entry(stat.S_IFREG | 0o666) + encode(Payload(0)),
            goodbye(352, 186, child(b"empty", 250, 352)),
            goodbye(416, 0, child(b"a", 64, 168), child(b"d", 168, 416)),
        )
    )

    assert len(archive) == 504
    assert hashlib.sha256(archive).hexdigest() == (
        "c5d9dcbdc3b6a6e6d242a7542cb7555f6da11610cb530c230655d5b9a53ec7d1"
    )


def test_an_archive_with_desyncs_flags_is_the_one_that_desync_makes() -> None:
    def entry(mode: int) -> bytes:
        return encode(Entry(DESYNC_FLAGS, mode, 0, 0, 0, 0))

    file = entry(stat.S_IFREG | 0o644)
    archive = b"".join(
        (
            entry(stat.S_IFDIR | 0o755),
            encode(Filename(b"a")) + file + encode(Payload(6)) + b"hello\n",
            encode(Filename(b"d")) + entry(stat.S_IFDIR | 0o755),
            encode(Filename(b"empty")) + file + encode(Payload(0)),
            encode(Filename(b"ln")) + entry(stat.S_IFLNK | 0o777) + encode(Symlink(b"../a")),
            goodbye(456, 186, child(b"empty", 250, 352), child(b"ln", 352, 456)),
            goodbye(544, 0, child(b"a", 64, 168), child(b"d", 168, 544)),
        )
    )

    assert len(archive) == 632
    assert hashlib.sha256(archive).hexdigest() == (
        "2c9c4de267509be809d620ca05b28af90869e0bb889bd7b7cee61bf2da20ed17"
    )


@pytest.mark.parametrize(
    ("record", "size"),
    [
        (User(b"daemon"), 23),
        (Xattr(b"user.foo", b"bar"), 28),
        (AclUser(1000, 4, b"cloudsdk"), 41),
        (AclGroup(4242, 6), 32),
        (AclDefaultGroup(4242, 6), 32),
        (AclGroupObj(4), 24),
        (AclDefault(7, 5, 5), 48),
        (Fcaps(bytes(20)), 36),
        (QuotaProject(7), 24),
        (Device(7, 300), 32),
    ],
)
def test_a_record_says_how_long_it_is(record: Record, size: int) -> None:
    data = encode(record)

    assert len(data) == size
    assert struct.unpack_from("<Q", data)[0] == size


def test_a_time_before_1970_is_written_as_casync_does() -> None:
    data = encode(Entry(0x20, stat.S_IFREG, 0, 0, 0, -315619200 * 10**9))

    assert struct.unpack_from("<Q", data, 56)[0] == 18131124873709551616


def test_a_node_gives_its_records_in_the_order_of_the_archive() -> None:
    entry = Entry(0, stat.S_IFREG | 0o644, 0, 0, 0, 0)
    node = Node(
        b"x",
        entry,
        user=User(b"u"),
        xattrs=(Xattr(b"user.a", b""), Xattr(b"user.b", b"")),
        fcaps=Fcaps(b"\1"),
        body=Payload(3),
    )

    assert node.kind is NodeKind.FILE
    assert list(node.records()) == [
        entry,
        User(b"u"),
        Xattr(b"user.a", b""),
        Xattr(b"user.b", b""),
        Fcaps(b"\1"),
        Payload(3),
    ]
