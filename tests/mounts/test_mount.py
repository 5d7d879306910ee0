"""An archive as a tree through FUSE, attribute by attribute what its tree is on disk.

MOUNT_TREES sets how many random trees are compared, also with what casync shows of them.
"""

import errno
import os
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from desync_jobs.formats.catar.records import Filename, Group, Payload, Selinux
from desync_jobs.formats.flags import FeatureFlags
from desync_jobs.testing.programs import require_program
from tests.archives import END, EVERYTHING, Part, archive, directory, file, regular
from tests.blobs import blob
from tests.interop.casync import casync
from tests.mounts.mounting import is_mounted, own_mount, require_fuse, statistics, unmount
from tests.trees import grow
from tests.workspace import Workspace, chunk_files, overwrite

TREES = int(os.environ.get("MOUNT_TREES", "2"))
MOUNT = ("mount", "tree.catar", "mnt")
BY_INDEX = ("mount", "-s", "store", "tree.caidx", "mnt")
Shown = dict[str, tuple[object, ...]]


def shown(top: Path, *, lists: bool = True) -> Shown:
    """Return what is known of everything below `top`; a directory has no size of its own."""
    found: Shown = {}
    root = os.fsencode(top)
    for folder, folders, files in os.walk(root):
        for path in [folder, *(os.path.join(folder, name) for name in folders + files)]:
            about = os.lstat(path)
            names = os.listxattr(path, follow_symlinks=False)
            attributes = {
                name: os.getxattr(path, name, follow_symlinks=False)
                for name in names
                if lists or name.startswith(("user.", "trusted."))
            }
            content: object = None
            if stat.S_ISREG(about.st_mode):
                content = Path(os.fsdecode(path)).read_bytes()
            elif stat.S_ISLNK(about.st_mode):
                content = os.readlink(path)
            size = None if stat.S_ISDIR(about.st_mode) else about.st_size
            owner = about.st_uid, about.st_gid
            found[os.fsdecode(os.path.relpath(path, root))] = (
                *(oct(about.st_mode), owner, about.st_mtime_ns, about.st_rdev),
                *(size, attributes, content),
            )
    return found


def without_sizes_of_links(found: Shown) -> Shown:
    """Leave out what casync does not tell: a link of its has no size."""
    return {
        path: (*about[:4], None if str(about[0]).startswith("0o12") else about[4], *about[5:])
        for path, about in found.items()
    }


@contextmanager
def casync_mount(directory: Path) -> Iterator[None]:
    """Have casync show the archive at `theirs`."""
    require_fuse()
    place = directory / "theirs"
    place.mkdir()
    program = require_program("casync")
    command = [program, "mount", "tree.catar", "theirs"]
    with subprocess.Popen(
        command, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            while not os.path.ismount(place):
                assert process.poll() is None
                time.sleep(0.02)
            yield
        finally:
            subprocess.run(["umount", "--lazy", place], check=False, capture_output=True)
            process.wait(20)


def new(top: Path, seed: int) -> None:
    """Make a tree without times before 1970: casync takes those for times after 2500."""
    grow(top, seed)
    for folder, folders, files in os.walk(top, topdown=False):
        for path in [*(Path(folder, name) for name in folders + files), Path(folder)]:
            if path.lstat().st_mtime_ns < 0:
                os.utime(path, ns=(5, 5), follow_symlinks=False)


@pytest.mark.parametrize("seed", range(TREES))
def test_a_mounted_archive_is_the_tree_that_it_is_of_and_what_casync_shows(
    workspace: Workspace, seed: int
) -> None:
    require_fuse()
    new(workspace / "tree", 40 + seed)
    casync(workspace.path, "make", "tree.catar", "tree")
    casync(workspace.path, "make", "--store=store", "--chunk-size=4096", "tree.caidx", "tree")
    arguments = BY_INDEX if seed % 2 else MOUNT
    with own_mount(*arguments, directory=workspace.path) as mount:
        ours = shown(workspace / "mnt")
        attributes = shown(workspace / "mnt", lists=False)
        assert mount.stop() == 0
    with casync_mount(workspace.path):
        theirs = shown(workspace / "theirs", lists=False)

    assert ours == shown(workspace / "tree")
    assert without_sizes_of_links(attributes) == without_sizes_of_links(theirs)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A tree, its archive, and the index of that, with a hole in a file; not to be changed."""
    workspace = Workspace(tmp_path_factory.mktemp("source"))
    tree = workspace / "tree"
    (tree / "deep" / "deeper").mkdir(parents=True)
    (tree / "deep" / "deeper" / "file").write_bytes(blob("first"))
    (tree / "small").write_bytes(b"content\n")
    (tree / "empty").write_bytes(b"")
    (tree / "zeros").write_bytes(b"a" + bytes(900_000) + b"z")
    (tree / "link").symlink_to("deep/deeper/file")
    os.link(tree / "small", tree / "again")
    assert workspace.do("tar", directory="tree", archive="tree.catar").summary == (0, "done")
    made = workspace.do(
        "tar", directory="tree", index="tree.caidx", store="store", chunk_size="2KiB:8KiB:32KiB"
    )
    assert made.summary == (0, "done")
    return workspace


@pytest.fixture
def place(source: Workspace, workspace: Workspace) -> Workspace:
    """The archive and its index in a place of their own."""
    require_fuse()
    shutil.copy(source / "tree.catar", workspace / "tree.catar")
    shutil.copy(source / "tree.caidx", workspace / "tree.caidx")
    shutil.copytree(source / "store", workspace / "store")
    return workspace


@pytest.fixture(scope="module")
def by_index(source: Workspace) -> Iterator[Path]:
    """The tree mounted from its index."""
    with own_mount(*BY_INDEX, directory=source.path):
        yield source / "mnt"


@pytest.fixture(scope="module")
def by_file(source: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The tree mounted from its archive."""
    directory = tmp_path_factory.mktemp("by_file")
    shutil.copy(source / "tree.catar", directory / "tree.catar")
    with own_mount(*MOUNT, directory=directory):
        yield directory / "mnt"


@pytest.mark.parametrize("fixture", ["by_index", "by_file"])
def test_files_are_read_through_links_and_at_random(
    request: pytest.FixtureRequest, fixture: str
) -> None:
    top = request.getfixturevalue(fixture)
    content = blob("first")

    def read(seed: int) -> bool:
        with (top / "link").open("rb", buffering=0) as opened:
            places = [(seed * 7919 + step * 104_729) % len(content) for step in range(60)]
            return all(
                os.pread(opened.fileno(), 3000, at) == content[at : at + 3000] for at in places
            )

    with ThreadPoolExecutor(8) as readers:
        assert all(readers.map(read, range(8)))
    assert (top / "small").read_bytes() == b"content\n"
    assert (top / "empty").read_bytes() == b""


def test_zeros_are_holes(by_index: Path) -> None:
    zeros = by_index / "zeros"
    fd = os.open(zeros, os.O_RDONLY)
    hole = os.lseek(fd, 0, os.SEEK_HOLE)
    data = os.lseek(fd, hole, os.SEEK_DATA)
    os.close(fd)

    assert data - hole > 700_000
    assert zeros.stat().st_blocks * 512 < 200_000
    assert zeros.read_bytes() == b"a" + bytes(900_000) + b"z"


def test_inodes_are_the_same_each_time(by_index: Path, by_file: Path) -> None:
    def inodes(top: Path) -> dict[str, int]:
        below = [top, *sorted(top.rglob("*"))]
        return {str(path.relative_to(top)): path.lstat().st_ino for path in below}

    with ThreadPoolExecutor(4) as walkers:
        first, *others = walkers.map(inodes, [by_index, by_file] * 3)

    assert others == [first] * 5
    assert len(set(first.values())) == len(first)
    assert first["."] == 1
    assert {one.name: one.inode() for one in os.scandir(by_index)} == {
        name: number for name, number in first.items() if name != "." and "/" not in name
    }


def test_it_is_read_only_and_says_what_is_not_there(by_file: Path) -> None:
    with pytest.raises(OSError, match=os.strerror(errno.EROFS)):
        (by_file / "new").write_bytes(b"")
    with pytest.raises(OSError, match=os.strerror(errno.EROFS)):
        (by_file / "small").open("r+b")
    with pytest.raises(FileNotFoundError):
        (by_file / "other").stat()
    with pytest.raises(NotADirectoryError):
        (by_file / "small" / "below").stat()
    with pytest.raises(OSError, match=os.strerror(errno.ENODATA)):
        os.getxattr(by_file / "small", "user.none")
    assert os.listxattr(by_file / "small") == []
    size = os.statvfs(by_file)
    assert size.f_blocks * size.f_frsize >= (by_file.parent / "tree.catar").stat().st_size
    assert size.f_bavail == 0


def test_only_what_is_read_is_fetched(place: Workspace) -> None:
    with own_mount(*BY_INDEX, directory=place.path) as mount:
        assert (place / "mnt" / "small").read_bytes() == b"content\n"
        assert mount.stop() == 0
    counted = statistics(place.path)

    assert counted["bytes"] == len(b"content\n")
    assert 0 < counted["stores"]["store"]["chunks"] <= 4
    assert len(chunk_files(place / "store")) > 10


def test_whoever_unmounts_it_ends_the_run_with_success(place: Workspace) -> None:
    with own_mount(*MOUNT, directory=place.path) as mount:
        unmount(place.path)
        assert mount.process.wait(20) == 0


def test_it_is_taken_away_from_whoever_uses_it_when_patience_ends(place: Workspace) -> None:
    with own_mount(*MOUNT, "--patience", "100ms", directory=place.path) as mount:
        opened = os.open(place / "mnt" / "deep", os.O_RDONLY)
        mount.process.send_signal(signal.SIGTERM)
        assert mount.process.wait(20) == 0
        mount.said("is taken away")
        os.close(opened)
    assert not is_mounted(place.path)


def test_a_damaged_chunk_is_an_error_of_what_needs_it_until_it_is_whole(place: Workspace) -> None:
    index = place.index("tree.caidx")
    name = index.id(index.ended_by(index.blob_size // 3)).hex()
    chunk = place / "store" / name[:4] / f"{name}.cacnk"
    whole = chunk.read_bytes()
    overwrite(chunk, b"damaged")
    with own_mount(*BY_INDEX, directory=place.path) as mount:
        with pytest.raises(OSError, match=os.strerror(errno.EIO)):
            (place / "mnt" / "link").read_bytes()
        mount.said("is invalid")
        assert (place / "mnt" / "small").read_bytes() == b"content\n"
        overwrite(chunk, whole)
        assert (place / "mnt" / "link").read_bytes() == blob("first")
        assert mount.stop() == 0


def test_an_archive_that_is_cut_while_it_is_mounted_is_an_error_and_never_other_bytes(
    place: Workspace,
) -> None:
    with own_mount(*MOUNT, directory=place.path) as mount:
        file = (place / "mnt" / "zeros").open("rb", buffering=0)
        os.truncate(place / "tree.catar", 1000)
        with pytest.raises(OSError, match=os.strerror(errno.EIO)):
            file.read(10)
        mount.said("the archive has become shorter since it was mounted")
        file.close()
        assert mount.stop() == 0


def test_a_hostile_directory_is_an_error_and_the_rest_is_read(workspace: Workspace) -> None:
    require_fuse()
    inner = archive([directory(), *file(b"a", b""), END])
    broken = inner[:-8] + bytes(8)
    data = archive([directory(), *file(b"good", b"content"), Filename(b"bad"), broken, END])
    (workspace / "tree.catar").write_bytes(data)
    with own_mount(*MOUNT, directory=workspace.path) as mount:
        top = workspace / "mnt"
        assert sorted(os.listdir(top)) == ["bad", "good"]
        with pytest.raises(OSError, match=os.strerror(errno.EIO)):
            os.listdir(top / "bad")
        with pytest.raises(OSError, match=os.strerror(errno.EIO)):
            (top / "bad" / "a").stat()
        mount.said("a directory whose end is not the mark of its table")
        assert (top / "good").read_bytes() == b"content"
        assert mount.stop() == 0


def test_what_no_other_file_system_here_could_have_is_shown(workspace: Workspace) -> None:
    require_fuse()
    long_ago = -1_234_567_891
    features = EVERYTHING | FeatureFlags.SELINUX
    parts: list[Part] = [
        directory(features=features, mtime_ns=long_ago),
        Filename(b"not \xff utf-8"),
        regular(features=features, mtime_ns=long_ago, uid=70_000, gid=1),
        Group(b"nobody-here"),
        Selinux(b"system_u:object_r:etc_t:s0"),
        Payload(1),
        b"x",
        END,
    ]
    (workspace / "tree.catar").write_bytes(archive(parts))
    with own_mount(*MOUNT, directory=workspace.path) as mount:
        path = os.path.join(os.fsencode(workspace / "mnt"), b"not \xff utf-8")
        about = os.stat(path)
        label = os.getxattr(path, "security.selinux")
        top = (workspace / "mnt").stat()
        assert mount.stop() == 0

    assert (about.st_mtime_ns, about.st_uid, about.st_gid) == (long_ago, 70_000, 1)
    assert top.st_mtime_ns == long_ago
    assert label == b"system_u:object_r:etc_t:s0\0"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty, and no archive"),
        (b"x" * 1000, "unknown type"),
        (None, "archive does not exist"),
    ],
)
def test_what_is_no_archive_is_not_mounted(
    workspace: Workspace, content: bytes | None, why: str
) -> None:
    (workspace / "mnt").mkdir()
    if content is not None:
        (workspace / "tree.catar").write_bytes(content)
    ended = workspace.do("mount", archive="tree.catar", mountpoint="mnt")

    assert ended.result.exit_code in (1, 4)
    assert why in ended.message
    assert not is_mounted(workspace.path)


def test_the_index_of_a_blob_is_not_mounted_as_a_tree(workspace: Workspace) -> None:
    workspace.make("blob", blob("first"))
    shutil.move(workspace / "blob.caibx", workspace / "blob.caidx")
    (workspace / "mnt").mkdir()
    ended = workspace.do("mount", index="blob.caidx", stores=["store"], mountpoint="mnt")

    assert ended.result.exit_code == 4
    assert ended.message.startswith(f"archive of {workspace / 'blob.caidx'}: at byte 0: ")


def test_an_archive_in_desyncs_dialect_is_shown_as_it_was_meant(workspace: Workspace) -> None:
    require_fuse()
    tree = workspace / "tree"
    tree.mkdir()
    (tree / "file").write_bytes(b"content")
    os.setxattr(tree / "file", "user.name", b"value")
    os.mkfifo(tree / "fifo")
    assert workspace.do(
        "tar", directory="tree", archive="tree.catar", dialect="desync"
    ).summary == (0, "done")
    with own_mount(*MOUNT, directory=workspace.path) as mount:
        top = workspace / "mnt"
        assert os.listdir(top) == ["file"]
        assert os.getxattr(top / "file", "user.name") == b"value"
        assert (top / "file").read_bytes() == b"content"
        assert mount.stop() == 0
