"""Plain nodes made or compared in one go, and the same one by one: what comes of it is the same."""

import os
import random
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import astuple
from pathlib import Path

import pytest

from desync_jobs.archive import growing, straight
from desync_jobs.archive.attributes import set_chattr
from desync_jobs.archive.making import Rules
from desync_jobs.archive.unpacking import Unpacking
from desync_jobs.archive.wanted import Choice
from desync_jobs.assembly.cancel import Cancel
from desync_jobs.assembly.workers import Workers
from desync_jobs.core.tree import TREE
from desync_jobs.errors import ArchiveFormatError, TargetError
from desync_jobs.formats.catar.decode import Taken, Taker
from desync_jobs.formats.catar.reading import Event, TreeReader
from desync_jobs.formats.catar.records import Filename, Payload, Symlink
from desync_jobs.formats.flags import FeatureFlags
from tests.archives import END, Part, archive, directory, entry, file
from tests.vectors.kernels import require_kernel


def link(name: bytes, target: bytes) -> list[Part]:
    return [Filename(name), entry(stat.S_IFLNK | 0o777), Symlink(target)]


def folder(name: bytes, *parts: Part, mode: int = 0o755) -> list[Part]:
    return [Filename(name), directory(mode), *parts, END]


HOLES = b"x" * 4096 + bytes(8192) + b"y" * 100 + bytes(4096)
PLAIN = archive(
    [
        directory(),
        *file(b"a", b"some content"),
        *file(b"b", b""),
        *file(b"c", HOLES),
        *folder(b"d", *file(b"1", b"one"), *link(b"2", b"1"), *folder(b"3"), *file(b"4", b"4")),
        *link(b"e", b"d/1"),
        *folder(b"f", *folder(b"g", *folder(b"h", *file(b"i", b"deep"), *link(b"j", b"/")))),
        *link(b"k", b"nowhere"),
        *file(b"l", b"z" * 5000),
        END,
    ]
)
ENTRIES = 17
NOW = 10**18

Outcome = tuple[object, ...]
Look = tuple[object, ...]


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers(2, Cancel()) as threads:
        yield threads


class Unpacked:
    """Unpacks archives at `new` in a folder, with what is compiled or without."""

    def __init__(self, workers: Workers, top: Path, *, compiled: bool) -> None:
        self.top = top
        self.taken = 0
        """Bytes that were done in one go."""
        self._workers = workers
        self._compiled = compiled

    def unpack(self, data: bytes, rules: Rules | None = None, step: int = 1 << 20) -> Outcome:
        """Return counts, or the error; `step` bytes come at a time."""
        self.top.mkdir(exist_ok=True)
        parent = os.open(self.top, os.O_RDONLY)
        target = os.fspath(self.top / "new")
        with pytest.MonkeyPatch.context() as patch:
            for module in (growing, straight):
                patch.setattr(module, "TREE", TREE if self._compiled else None)
            unpacking = Unpacking(
                parent, target, rules or Rules(Choice()), self._workers, lambda _fd: None
            )
            try:
                events = _events(data, step, self._counted(unpacking.take))
                return astuple(unpacking.unpack(events))
            except (ArchiveFormatError, TargetError) as error:
                return (type(error), str(error).replace(os.fspath(self.top), ""))
            finally:
                os.close(parent)

    def _counted(self, taker: Taker) -> Taker:
        def take(view: memoryview, at: int, depth: int, room: int) -> Taken | None:
            taken = taker(view, at, depth, room)
            self.taken += 0 if taken is None else taken.end - at
            return taken

        return take

    def look(self) -> list[Look]:
        """Return all that there is of each file."""
        return [_look(path, self.top) for path in sorted(self.top.rglob("*"))]


def _events(data: bytes, step: int, taker: Taker) -> Iterator[Event]:
    reader = TreeReader("archive", taker)
    for begin in range(0, len(data), step):
        yield from reader.feed(data[begin : begin + step])
    reader.finish()


def _look(path: Path, top: Path) -> Look:
    found = path.lstat()
    about = (found.st_mode, found.st_uid, found.st_gid, found.st_mtime_ns, found.st_nlink)
    what: object = None
    if stat.S_ISLNK(found.st_mode):
        what = path.readlink()
    elif stat.S_ISREG(found.st_mode):
        what = path.read_bytes(), found.st_blocks
    return (path.relative_to(top), *about, what)


@pytest.fixture
def both(tmp_path: Path, workers: Workers) -> tuple[Unpacked, Unpacked]:
    """Who does it in one go, and who does it one by one."""
    require_kernel("native")
    fast, slow = tmp_path / "fast", tmp_path / "slow"
    return Unpacked(workers, fast, compiled=True), Unpacked(workers, slow, compiled=False)


Both = tuple[Unpacked, Unpacked]


def agree(
    both: Both,
    data: bytes,
    rules: Rules | None = None,
    step: int = 1 << 20,
    *,
    ignore_new_times: bool = False,
) -> Outcome:
    """Unpack in both ways; returns what came of it."""
    fast, slow = (one.unpack(data, rules, step) for one in both)

    assert fast == slow
    if len(fast) > 2:
        looks = [one.look() for one in both]
        if ignore_new_times:
            looks = [[(*one[:4], *one[5:]) for one in look] for look in looks]
        assert looks[0] == looks[1]
    return fast


def test_most_of_a_plain_tree_is_made_in_one_go(both: Both) -> None:
    assert agree(both, PLAIN) == (ENTRIES, 0, 0, 0, 0)
    assert both[0].taken > len(PLAIN) * 0.7
    assert both[1].taken == 0


def test_a_tree_that_is_right_is_compared_in_one_go(both: Both) -> None:
    agree(both, PLAIN)
    both[0].taken = 0

    assert agree(both, PLAIN) == (0, 0, ENTRIES, 0, 0)
    assert both[0].taken > len(PLAIN) * 0.7


@pytest.mark.parametrize("step", [1, 16, 17, 63, 64, 200, 1000, 5000])
def test_it_does_not_matter_in_which_pieces_an_archive_comes(both: Both, step: int) -> None:
    assert agree(both, PLAIN, step=step) == (ENTRIES, 0, 0, 0, 0)
    assert agree(both, PLAIN, step=step) == (0, 0, ENTRIES, 0, 0)


def test_nothing_is_hidden_where_nobody_sees_it(both: Both) -> None:
    rules = Rules(Choice(), unseen=True)

    assert agree(both, PLAIN, rules) == (ENTRIES, 0, 0, 0, 0)


def test_holes_are_where_blocks_of_zeros_are(both: Both) -> None:
    agree(both, PLAIN)
    found = both[0].top / "new" / "c"

    assert found.read_bytes() == HOLES
    assert found.stat().st_blocks * 512 < len(HOLES)


def _write(path: Path) -> None:
    before = path.stat()
    path.write_bytes(b"n" * before.st_size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _replace_by_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc")


def _replace_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _swap_for_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _set_nodump(path: Path) -> None:
    flag = int(FeatureFlags.ATTRIBUTE_NODUMP)
    fd = os.open(path, os.O_RDONLY)
    try:
        with suppress(OSError):  # not every file system has it
            set_chattr(fd, flag, flag)
    finally:
        os.close(fd)


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda new: _write(new / "l"),
    "content below": lambda new: _write(new / "d" / "1"),
    "mode": lambda new: (new / "l").chmod(0o600),
    "mode of a folder": lambda new: (new / "d").chmod(0o700),
    "folder that nobody reads": lambda new: (new / "f" / "g").chmod(0),
    "time": lambda new: os.utime(new / "f" / "g" / "h" / "i", (5, 5)),
    "time of a link": lambda new: os.utime(new / "k", (5, 5), follow_symlinks=False),
    "time of a folder": lambda new: os.utime(new / "d" / "3", (5, 5)),
    "more": lambda new: (new / "d" / "more").write_text("more"),
    "more that sorts first": lambda new: (new / "f" / "g" / "!").mkdir(),
    "leftover": lambda new: (new / "d" / ".desync-run.0.tmp").write_text("half"),
    "less": lambda new: (new / "d" / "4").unlink(),
    "folder is gone": lambda new: (new / "d" / "3").rmdir(),
    "another target": lambda new: _replace_by_link(new / "k"),
    "file is a link": lambda new: _replace_by_link(new / "l"),
    "file is a folder": lambda new: _swap_for_folder(new / "l"),
    "second name": lambda new: os.link(new / "l", new / "m"),
    "attribute": lambda new: os.setxattr(new / "l", "user.x", b"x"),
    "attribute of chattr": lambda new: _set_nodump(new / "l"),
    "attribute of chattr of a folder": lambda new: _set_nodump(new / "f" / "g"),
    "pipe": lambda new: _replace_by_pipe(new / "d" / "1"),
}


@pytest.mark.parametrize("rules", [Rules(Choice()), Rules(Choice(), delete=True, replace=True)])
@pytest.mark.parametrize("change", CHANGES)
def test_what_is_not_right_becomes_right_in_the_same_way(
    both: Both, change: str, rules: Rules
) -> None:
    agree(both, PLAIN)
    for one in both:
        top = one.top / "new"
        CHANGES[change](top)
        # The same time in both trees; that of the archive is the beginning of time.
        for path in (top, *top.rglob("*")):
            if path.lstat().st_mtime_ns > NOW:
                os.utime(path, (7, 7), follow_symlinks=False)
        os.utime(top, (0, 0))

    agree(both, PLAIN, rules)
    agree(both, PLAIN, rules)


CHOICES = {
    "no links": Choice(without_features=("symlinks",)),
    "no modes": Choice(same_permissions=False),
    "no owners": Choice(same_owner=False),
    "seconds": Choice(with_features=("unix", "sec-time")),
    "two seconds": Choice(with_features=("unix", "2sec-time")),
    "no times": Choice(with_features=("permissions", "symlinks")),
    "read-only": Choice(with_features=("read-only", "symlinks")),
}


@pytest.mark.parametrize("choice", CHOICES)
def test_what_is_wanted_of_an_archive_is_all_there_is_of_it(both: Both, choice: str) -> None:
    times = (0, 1_600_000_000_123_456_789, -1_500_000_000, -(1 << 40) * 10**6, 5_000_000_001)
    parts: list[Part] = [directory()]
    for number, time in enumerate(times):
        name = b"%d" % number
        for mode, what in ((0o644, b"a"), (0o444, b"b")):
            node = entry(stat.S_IFREG | mode, mtime_ns=time, uid=7, gid=8)
            parts += [Filename(name + what), node, Payload(1), b"x"]
        parts += [Filename(name + b"c"), directory(mtime_ns=time), *file(b"x", b"x"), END]
        parts += [Filename(name + b"l"), entry(stat.S_IFLNK | 0o777, mtime_ns=time), Symlink(b"x")]
    rules = Rules(CHOICES[choice])
    times_kept = choice not in {"no times", "read-only"}
    before = os.umask(0o022)
    try:
        agree(both, archive([*parts, END]), rules, ignore_new_times=not times_kept)
        agree(both, archive([*parts, END]), rules, ignore_new_times=not times_kept)
    finally:
        os.umask(before)


def test_the_last_one_of_a_name_wins(both: Both) -> None:
    parts: list[Part] = [
        directory(),
        *file(b"a", b"1"),
        *file(b"b", b"2"),
        *file(b"c", b"3"),
        *file(b"b", b"4"),
        *file(b"b", b"4"),
        *folder(b"d", *file(b"x", b"x")),
        *folder(b"e", *file(b"x", b"x")),
        *folder(b"d", *file(b"y", b"y")),
        END,
    ]
    agree(both, archive(parts))

    assert (both[0].top / "new" / "b").read_bytes() == b"4"
    assert sorted(os.listdir(both[0].top / "new" / "d")) == ["x", "y"]


def test_a_node_that_is_called_as_what_is_not_complete(both: Both) -> None:
    parts: list[Part] = [directory(), *file(b"!", b"1")]
    for name in (b".desync-run.0.tmp", b"a", b"b"):
        parts += file(name, name)

    agree(both, archive([*parts, END]))


@pytest.mark.parametrize("mode", [0o4755, 0o2755, 0o1777, 0o000])
def test_modes_of_every_kind(both: Both, mode: int) -> None:
    parts: list[Part] = [directory()]
    for name in (b"a", b"b", b"c"):
        parts += [*file(name, name), *folder(name + b"d", *file(b"x", b"x"), mode=mode)]
        parts += [Filename(name + b"m"), entry(stat.S_IFREG | mode), *file(b"", b"y")[2:]]

    agree(both, archive([*parts, END]))
    agree(both, archive([*parts, END]))


def test_a_path_may_be_as_long_as_ever_and_directories_as_deep(both: Both) -> None:
    depth = 200
    down: list[Part] = [part for _ in range(depth) for part in (directory(), Filename(b"x"))]
    data = archive([*down, directory(), *file(b"a", b"a"), *[END] * (depth + 1)])

    assert agree(both, data) == (depth + 2, 0, 0, 0, 0)
    assert agree(both, data) == (0, 0, depth + 2, 0, 0)


def test_no_descriptor_stays_open_when_an_archive_ends_early(both: Both) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for end in range(0, len(PLAIN), 31):
        agree(both, PLAIN[:end])

        assert len(os.listdir("/proc/self/fd")) == before


def test_whatever_is_wrong_in_an_archive_is_the_same_error(both: Both) -> None:
    order = random.Random(5)
    places = [at for at in range(len(PLAIN)) if PLAIN[at] not in b"xyz" or at % 97 == 0]
    for number, at in enumerate(order.sample(places, 150)):
        changed = bytearray(PLAIN)
        changed[at] ^= 1 << order.randrange(8)
        for one in both:
            one.top = one.top.parent / f"{one.top.name.partition('-')[0]}-{number}"

        agree(both, bytes(changed))
