"""Plain files archived in one go, and the same one by one: the bytes are the same."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from desync_jobs.archive import runs
from desync_jobs.archive.attributes import set_chattr
from desync_jobs.archive.dialect import DesyncMetadata
from desync_jobs.archive.encoding import ArchiveEncoder, Bytes, ContentCopier
from desync_jobs.archive.metadata import Metadata
from desync_jobs.archive.walk import TreeWalk, Visit
from desync_jobs.assembly.cancel import Cancel
from desync_jobs.core.tree import TREE
from desync_jobs.errors import SourceError
from desync_jobs.formats.catar.features import select_features
from desync_jobs.formats.flags import FeatureFlags
from tests.vectors.kernels import require_kernel

FILES = 40


def make_tree(top: Path) -> None:
    """Make a tree of plain files, links and folders."""
    (top / "d" / "e").mkdir(parents=True)
    for number in range(FILES):
        path = top / f"f{number:02}"
        path.write_bytes(b"%d" % number * (number * 300))
        os.utime(path, ns=(0, (number - 5) * 1_111_111_111_111))
        path.chmod(0o400 + number)
        (top / "d" / f"l{number}").symlink_to("x" * (number * 100 + 1))
        (top / "d" / "e" / f"empty{number}").touch()
    (top / "large").write_bytes(os.urandom(3 << 20))
    (top / "zz").write_bytes(os.urandom(1 << 20))


def archived(top: Path, metadata: Metadata, *, compiled: bool) -> tuple[bytes | str, int, int]:
    """Return the archive, or the error; how many nodes it has, and how many came in runs."""
    parts: list[bytes] = []

    def write(data: Bytes) -> None:
        parts.append(bytes(data))

    encoder = ArchiveEncoder(ContentCopier(write, Cancel()), Cancel())
    in_runs = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "TREE", TREE if compiled else None)

        def counted() -> Iterator[Visit | runs.Run | None]:
            nonlocal in_runs
            for step in TreeWalk(os.fspath(top), metadata).runs():
                in_runs += len(step.names) if isinstance(step, runs.Run) else 0
                yield step

        try:
            encoder.encode(counted())
        except SourceError as error:
            return str(error), encoder.entries, 0
    return b"".join(parts), encoder.entries, in_runs


def agree(top: Path, make: Callable[[], Metadata]) -> int:
    """Archive in both ways; returns how many nodes came in runs."""
    require_kernel("native")
    fast, slow = (archived(top, make(), compiled=one) for one in (True, False))

    assert fast[:2] == slow[:2]
    assert slow[2] == 0
    return fast[2]


def best() -> Metadata:
    return Metadata(select_features((), (), FeatureFlags(0)))


def test_most_of_a_plain_tree_comes_in_runs(tmp_path: Path) -> None:
    make_tree(tmp_path)

    # All but folders, the first that has an owner, and what is larger than the memory.
    assert agree(tmp_path, best) == 3 * FILES


FEATURES = {
    "seconds": ("unix", "sec-time"),
    "two seconds": ("unix", "2sec-time"),
    "short numbers": ("16bit-uids", "permissions", "symlinks"),
    "no times": ("32bit-uids", "permissions", "symlinks"),
    "no owners": ("permissions", "symlinks", "nsec-time"),
    "no modes": ("32bit-uids", "symlinks", "nsec-time"),
    "no links": ("32bit-uids", "permissions", "nsec-time"),
    "FAT": ("fat",),
}


@pytest.mark.parametrize("name", FEATURES)
def test_what_is_kept_is_all_there_is(tmp_path: Path, name: str) -> None:
    make_tree(tmp_path)

    agree(tmp_path, lambda: Metadata(select_features(FEATURES[name], (), FeatureFlags(0))))


def test_desyncs_dialect_is_as_it_was(tmp_path: Path) -> None:
    make_tree(tmp_path)

    assert agree(tmp_path, lambda: DesyncMetadata((), one_file_system=False)) == 0


def _set_flag(path: Path, flag: FeatureFlags) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        set_chattr(fd, int(flag), int(flag))
    except OSError as error:
        pytest.skip(str(error))
    finally:
        os.close(fd)


def _give_attributes(top: Path) -> None:
    for number in range(10, 30):
        os.setxattr(top / f"f{number}", "user.x", b"y")


def _give_away(top: Path) -> None:
    for number in range(10, 30):
        os.chown(top / f"f{number}", number % 3, number % 5)


SPECIAL: dict[str, Callable[[Path], object]] = {
    "attribute": lambda top: os.setxattr(top / "f10", "user.x", b"y"),
    "attributes": _give_attributes,
    "nodump": lambda top: _set_flag(top / "f10", FeatureFlags.ATTRIBUTE_NODUMP),
    "pipe": lambda top: os.mkfifo(top / "f10x"),
    "owners": _give_away,
    "owner of a link": lambda top: os.chown(top / "d" / "l7", 1, 65534, follow_symlinks=False),
    "late": lambda top: os.utime(top / "f10", ns=(0, (1 << 62) - 5)),
    "no archive has it": lambda top: os.utime(top / "f10", ns=(0, -1)),
    "set-user-ID": lambda top: (top / "f10").chmod(0o6755),
    "excluded": lambda top: (top / ".caexclude").write_text("f2*\n"),
    "excluded below": lambda top: (top / "d" / ".caexclude").write_text("l1\n"),
    "second name": lambda top: os.link(top / "f10", top / "f10x"),
    "name that is no text": lambda top: (top / os.fsdecode(b"f1\xff\n")).write_text("x"),
    "longest name": lambda top: (top / ("f" * 255)).write_text("x"),
}


@pytest.mark.parametrize("name", SPECIAL)
def test_what_is_special_goes_the_long_way(tmp_path: Path, name: str) -> None:
    make_tree(tmp_path)
    SPECIAL[name](tmp_path)

    agree(
        tmp_path,
        lambda: Metadata(
            select_features((), (), FeatureFlags.EXCLUDE_FILE | FeatureFlags.EXCLUDE_NODUMP)
        ),
    )
