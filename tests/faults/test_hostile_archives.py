"""Archives that are cut off, wrong or malicious: one error, and nothing outside of the target."""

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from desync_jobs.archive.making import Rules
from desync_jobs.archive.unpacking import Unpacking
from desync_jobs.archive.wanted import Choice
from desync_jobs.assembly.cancel import Cancel
from desync_jobs.assembly.workers import Workers
from desync_jobs.errors import EXIT_INVALID_DATA, ArchiveFormatError, TargetError
from desync_jobs.formats.catar.decode import Decoder, Taker
from desync_jobs.formats.catar.reading import Event, TreeReader
from desync_jobs.formats.catar.records import Filename, Payload, RecordType, Symlink
from tests.archives import END, Part, archive, directory, entry, file, regular
from tests.catar_cases import CASES
from tests.workspace import Workspace, stamps

PARTS: list[Part] = [
    directory(),
    *file(b"a", b"some content"),
    Filename(b"d"),
    directory(0o700),
    *file(b"x", b""),
    END,
    Filename(b"l"),
    entry(stat.S_IFLNK | 0o777),
    Symlink(b"a"),
    END,
]
SMALL = archive(PARTS)


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers(2, Cancel()) as threads:
        yield threads


def events(data: bytes, taker: Taker) -> Iterator[Event]:
    reader = TreeReader("archive", taker)
    yield from reader.feed(data)
    reader.finish()


def unpack(top: Path, data: bytes, workers: Workers) -> None:
    """Unpack at `new` in `top`."""
    parent = os.open(top, os.O_RDONLY)
    try:
        rules = Rules(Choice())
        target = os.fspath(top / "new")
        unpacking = Unpacking(parent, target, rules, workers, lambda _fd: None)
        unpacking.unpack(events(data, unpacking.take))
    finally:
        os.close(parent)


@pytest.mark.parametrize("size", range(0, len(SMALL), 7))
def test_an_archive_that_ends_anywhere_is_one_error(
    tmp_path: Path, workers: Workers, size: int
) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for cut in range(size, min(size + 7, len(SMALL))):
        top = tmp_path / str(cut)
        top.mkdir()
        with pytest.raises(ArchiveFormatError, match=f"^archive: ends at byte {cut}, before"):
            unpack(top, SMALL[:cut], workers)

        # What is there is whole.
        for path in top.rglob("*"):
            assert path.name in {"new", "a", "d", "x", "l"}
        found = top / "new" / "a"
        assert not found.exists() or found.read_bytes() == b"some content"
    assert len(os.listdir("/proc/self/fd")) == before


def record_starts() -> list[int]:
    return [at for at in range(len(SMALL) - 16) if SMALL[at + 8 : at + 16] in _TYPES]


_TYPES = {kind.to_bytes(8, "little") for kind in RecordType}


def test_an_atomic_target_never_has_anything_of_an_archive_that_ends(workspace: Workspace) -> None:
    (workspace / "new").mkdir()
    (workspace / "new" / "old").write_text("old")
    before = stamps(workspace / "new")
    for start in record_starts():
        (workspace / "x.catar").write_bytes(SMALL[:start])
        ended = workspace.do("untar", archive="x.catar", target="new", atomic=True)

        assert ended.summary == (EXIT_INVALID_DATA, "failed")
        assert stamps(workspace / "new") == before
        assert sorted(os.listdir(workspace.path)) == ["new", "x.catar"]


@pytest.mark.parametrize("size", [0, 15, 17, 1 << 62, 1 << 63, (1 << 64) - 1])
@pytest.mark.parametrize("kind", list(RecordType))
def test_a_record_of_an_impossible_size_is_one_error(
    tmp_path: Path, workers: Workers, kind: RecordType, size: int
) -> None:
    header = size.to_bytes(8, "little") + kind.to_bytes(8, "little")
    data = archive([directory(), Filename(b"x"), regular()]) + header + bytes(200)
    # No file can be larger than 2^63 bytes, and few file systems hold one that is half of that.
    with pytest.raises((ArchiveFormatError, TargetError), match=r"^archive: |File too large$"):
        unpack(tmp_path, data, workers)

    assert list(tmp_path.rglob("x")) == []


@pytest.mark.parametrize("name", CASES)
def test_what_is_refused_leaves_nothing_outside(
    tmp_path: Path, workers: Workers, name: str
) -> None:
    data = archive(CASES[name])
    (tmp_path / "in").mkdir()
    if _is_read(data):
        try:
            unpack(tmp_path / "in", data, workers)
        except TargetError as error:
            # Whoever nobody knows here, a project where there are none, and the like.
            assert str(error).startswith(f"{tmp_path}/in/new")  # noqa: PT017
    else:
        with pytest.raises(ArchiveFormatError):
            unpack(tmp_path / "in", data, workers)

    assert os.listdir(tmp_path) == ["in"]
    assert os.listdir(tmp_path / "in") in (["new"], [])
    # A file that may not be changed cannot be removed after the test either.
    subprocess.run(["chattr", "-R", "-ia", tmp_path], capture_output=True, check=False)


def _is_read(data: bytes) -> bool:
    decoder = Decoder("archive")
    try:
        for _ in decoder.feed(data):
            pass
        decoder.finish()
    except ArchiveFormatError:
        return False
    return True


@pytest.mark.parametrize("name", [b"..", b".", b"a/b", b"/etc/x", b"", b"../x", b"a\0b"])
@pytest.mark.parametrize("kind", ["file", "directory", "link"])
def test_no_name_leads_out_of_the_target(
    tmp_path: Path, workers: Workers, name: bytes, kind: str
) -> None:
    what: dict[str, list[Part]] = {
        "file": [regular(), Payload(1), b"x"],
        "directory": [directory(), *file(b"x", b"x"), END],
        "link": [entry(stat.S_IFLNK | 0o777), Symlink(b"x")],
    }
    parts: list[Part] = [directory(), Filename(name), *what[kind], END]
    (tmp_path / "in").mkdir()
    with pytest.raises(ArchiveFormatError, match=r"^archive: at byte 64"):
        unpack(tmp_path / "in", archive(parts), workers)

    assert os.listdir(tmp_path) == ["in"]
    assert list((tmp_path / "in").rglob("*")) in ([], [tmp_path / "in" / "new"])


def test_directories_that_are_too_deep_are_one_error(tmp_path: Path, workers: Workers) -> None:
    import resource

    depth = 400
    down: list[Part] = [part for _ in range(depth) for part in (directory(), Filename(b"x"))]
    data = archive([*down, directory(), *[END] * (depth + 1)])
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (300, before[1]))
    try:
        with pytest.raises(TargetError, match="Too many open files"):
            unpack(tmp_path, data, workers)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    unpack(tmp_path, data, workers)


@pytest.mark.parametrize("atomic", [False, True])
def test_what_comes_after_the_end_is_an_error(workspace: Workspace, atomic: bool) -> None:
    (workspace / "x.catar").write_bytes(SMALL + b"x")
    ended = workspace.do("untar", archive="x.catar", target="new", atomic=atomic)

    assert ended.summary == (EXIT_INVALID_DATA, "failed")
    assert ended.message == f"{workspace.path}/x.catar: goes on after its end at {len(SMALL)}"
    assert (workspace / "new").exists() == (not atomic)
