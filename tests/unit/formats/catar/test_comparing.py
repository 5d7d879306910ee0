"""What counts as a difference between two trees, and that neither of them is kept."""

import hashlib
import stat
import tracemalloc
from collections.abc import Iterator

import pytest

from desync_jobs.errors import ArchiveFormatError
from desync_jobs.formats.catar.comparing import Change, Changed, compare, seen
from desync_jobs.formats.catar.node import Acl, Node
from desync_jobs.formats.catar.reading import Closed, Event, Opened, TreeReader
from desync_jobs.formats.catar.records import (
    AclDefault,
    AclDefaultUser,
    AclGroupObj,
    AclUser,
    Device,
    Entry,
    Fcaps,
    Filename,
    Payload,
    QuotaProject,
    Selinux,
    Symlink,
    User,
    Xattr,
)
from tests.archives import END, EVERYTHING, Part, archive, directory, file, regular

Tree = list[Node]
UNIX_SECONDS = 0xB000000000000108
LINKS = 0x200


def tree(data: bytes, name: str = "it") -> Iterator[Event]:
    """Return the events of an archive that is given in one block."""
    reader = TreeReader(name)
    yield from reader.feed(data)
    reader.finish()


def changes(old: list[Part], new: list[Part], *ignored: str) -> list[Changed]:
    before, after = (seen(tree(archive(parts)), "it") for parts in (old, new))
    return [one for one in compare(before, after, frozenset(ignored)) if one is not None]


def nodes(*nodes_: Node) -> Iterator[Event]:
    """Return the events of a tree of these nodes in its root."""
    root = Node(b"", directory())
    yield Opened(b".", root)
    for node in nodes_:
        yield Opened(node.name, node)
        yield Closed(node.name, node)
    yield Closed(b".", root)


def differences(old: Node, new: Node, *ignored: str) -> list[tuple[str, object, object]]:
    (_, only) = compare(seen(nodes(old), "a"), seen(nodes(new), "b"), frozenset(ignored))
    return [] if only is None else [(one.attribute, one.old, one.new) for one in only.differences]


def node(entry: Entry | None = None, **fields: object) -> Node:
    return Node(b"x", entry or regular(), **{"body": Payload(0), **fields})  # type: ignore[arg-type]


def of(kind: int, mode: int = 0o644, **fields: int) -> Entry:
    values = {"flags": 0, "uid": 0, "gid": 0, "mtime_ns": 0, **fields}
    return Entry(EVERYTHING, kind | mode, **values)


EMPTY = node()


@pytest.mark.parametrize(
    ("new", "aspect", "expected"),
    [
        (node(regular(0o600)), "permissions", [("mode", "0644", "0600")]),
        (node(of(stat.S_IFREG, uid=5)), "owner", [("uid", 0, 5)]),
        (node(user=User(b"me")), "owner", [("user", None, "me")]),
        (node(of(stat.S_IFREG, mtime_ns=-1_500_000_000)), "times",
         [("mtime", "0.000000000", "-1.500000000")]),
        (node(xattrs=(Xattr(b"user.a", b"\0 "),)), "xattrs",
         [("xattr user.a", None, "\\000\\040")]),
        (node(selinux=Selinux(b"l")), "selinux", [("selinux", None, "l")]),
        (node(fcaps=Fcaps(b"\1\2")), "capabilities", [("capabilities", None, "0102")]),
        (node(of(stat.S_IFREG, flags=0x410000)), "flags",
         [("flags", None, "attribute_append,attribute_immutable")]),
        (node(project=QuotaProject(7)), "project", [("project", None, 7)]),
        (node(acl=Acl(users=(AclUser(5, 6, b"me"), AclUser(6, 1)), group_obj=AclGroupObj(4))),
         "permissions", [("acl", None, "user:me:rw-,user:6:--x,group::r--")]),
        (node(acl=Acl(default=AclDefault(7, 5, 0, 7), default_users=(AclDefaultUser(5, 2),))),
         "permissions",
         [("default acl", None, "user::rwx,group::r-x,other::---,mask::rwx,user:5:-w-")]),
    ],
)  # fmt: skip
def test_each_attribute_is_told_with_both_values_and_can_be_ignored(
    new: Node, aspect: str, expected: list[tuple[str, object, object]]
) -> None:
    assert differences(EMPTY, new) == expected
    assert differences(new, EMPTY) == [(name, b, a) for name, a, b in expected]
    assert differences(EMPTY, new, aspect) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (node(of(stat.S_IFLNK, 0o777), body=Symlink(b"a")),
         node(of(stat.S_IFLNK, 0o777), body=Symlink(b"b c")), [("target", "a", "b\\040c")]),
        (node(of(stat.S_IFBLK), body=Device(1, 2)),
         node(of(stat.S_IFBLK), body=Device(1, 3)), [("device", "1,2", "1,3")]),
        (node(of(stat.S_IFIFO), body=None), EMPTY, [("type", "fifo", "file")]),
    ],
)  # fmt: skip
def test_what_a_node_is_cannot_be_ignored(
    old: Node, new: Node, expected: list[tuple[str, object, object]]
) -> None:
    assert differences(old, new) == expected


def test_a_long_value_is_told_by_its_size_and_digest() -> None:
    ((_, _, value),) = differences(EMPTY, node(xattrs=(Xattr(b"user.a", bytes(65)),)))

    assert value == f"65 bytes, sha256 {hashlib.sha256(bytes(65)).hexdigest()}"


def test_a_directory_comes_before_all_that_is_in_it_and_beside_others() -> None:
    # Between `a` and what is in it, `a-` would come, were paths compared as bytes.
    inner = [Filename(b"a"), directory(), *file(b"x", b"1"), END, *file(b"a-", b"2")]
    old = [directory(), *inner, END]
    new = [directory(), *file(b"a-", b"2"), *file(b"b", b""), END]

    assert [(one.path, one.change) for one in changes(old, new)] == [
        (b"a", Change.REMOVED),
        (b"a/x", Change.REMOVED),
        (b"b", Change.ADDED),
    ]


def test_contents_are_compared_however_they_are_cut() -> None:
    old = [directory(), *file(b"x", b"12345"), *file(b"y", b"same"), END]
    new = [directory(), *file(b"x", b"12354"), *file(b"y", b"same"), END]
    (only,) = changes(old, new)

    assert (only.path, [one.attribute for one in only.differences]) == (b"x", ["content"])


def test_only_what_both_trees_keep_is_compared() -> None:
    few = UNIX_SECONDS
    old = [directory(features=few), *file(b"x", b"", few), END]
    link: list[Part] = [Filename(b"l"), of(stat.S_IFLNK, 0o777), Symlink(b"t")]
    one: list[Part] = [Filename(b"x"), regular(uid=7), Payload(0)]
    new = [directory(mtime_ns=999_999_999, uid=5), *link, *one, END]

    assert changes(old, new) == changes(new, old) == []


@pytest.mark.parametrize("names", [(b"b", b"a"), (b"a", b"a")])
def test_names_that_are_not_in_order_are_refused(names: tuple[bytes, bytes]) -> None:
    data = archive([directory(), *file(names[0], b""), *file(names[1], b""), END])

    with pytest.raises(ArchiveFormatError, match=r"a\.catar: a comes after [ab], and only"):
        list(seen(tree(data), "a.catar"))


def test_trees_of_any_size_are_compared_in_little_memory() -> None:
    def many(missing: int) -> Iterator[Event]:
        return nodes(*(node for node in named if node.name != b"%06d" % missing))

    named = [Node(b"%06d" % number, regular(), body=Payload(0)) for number in range(5000)]
    both = seen(many(77), "a"), seen(many(4000), "b")
    tracemalloc.start()
    found = sum(one is not None for one in compare(*both))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert found == 2
    # 20 kB, and what other threads of the tests take meanwhile; a tree that was kept takes 1.8 MB.
    assert most < 900_000
