import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from desync_jobs.assembly.pending import PendingFile
from desync_jobs.errors import LockedError, TargetError


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def test_nothing_is_visible_before_commit(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"old")

    with PendingFile(str(path)) as pending:
        pending.write(b"new")
        assert path.read_bytes() == b"old"
        pending.commit()

    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["out"]


def test_leaving_without_commit_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"old")

    def write_half() -> None:
        with PendingFile(str(path)) as pending:
            pending.write(b"new")
            raise RuntimeError("halfway")

    with pytest.raises(RuntimeError, match="halfway"):
        write_half()

    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["out"]


def test_a_second_writer_is_told_and_changes_nothing(tmp_path: Path) -> None:
    path = str(tmp_path / "out")

    with PendingFile(path) as first:
        first.write(b"first")
        with pytest.raises(LockedError, match="another run is writing this target") as raised:
            PendingFile(path).__enter__()
        first.commit()

    assert raised.value.exit_code == 7
    assert (tmp_path / "out").read_bytes() == b"first"


def test_what_a_killed_run_left_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / ".out.desync-run.tmp").write_bytes(b"half of something long")

    with PendingFile(str(tmp_path / "out")) as pending:
        pending.write(b"whole")
        pending.commit()

    assert (tmp_path / "out").read_bytes() == b"whole"
    assert names(tmp_path) == ["out"]


def test_mode_and_owner_of_a_replaced_file_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"old")
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, 1234, 4321)

    with PendingFile(str(path)) as pending:
        pending.commit()

    found = path.stat()
    assert stat.S_IMODE(found.st_mode) == 0o640
    if os.geteuid() == 0:
        assert (found.st_uid, found.st_gid) == (1234, 4321)


def test_programs_that_run_as_their_owner_still_do(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o6755)
    with PendingFile(str(path)) as pending:
        pending.write(b"new")
        pending.commit()

    assert stat.S_IMODE(path.stat().st_mode) == 0o6755


def test_programs_do_not_become_those_of_another_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o6755)

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "fchown", refuse)
    with PendingFile(str(path)) as pending:
        pending.write(b"new")
        pending.commit()

    assert stat.S_IMODE(path.stat().st_mode) == 0o755


def test_nobody_reads_what_is_written_who_may_not_read_what_it_replaces(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o440)
    with PendingFile(str(path)) as pending:
        pending.write(b"new")
        (hidden,) = (one for one in tmp_path.iterdir() if one != path)
        mode = stat.S_IMODE(hidden.stat().st_mode)
        pending.commit()

    assert mode & 0o077 & ~0o440 == 0
    assert mode & 0o600 == 0o600
    assert stat.S_IMODE(path.stat().st_mode) == 0o440


def test_a_file_is_given_away_only_when_it_is_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is killed while it is synced must find it as their own."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    calls = []
    for name in ("fsync", "fchown", "fchmod", "rename"):
        plainly = getattr(os, name)

        def call(
            *arguments: object, name: str = name, plainly: Callable[..., None] = plainly
        ) -> None:
            calls.append(name)
            plainly(*arguments)

        monkeypatch.setattr(os, name, call)
    with PendingFile(str(path)) as pending:
        pending.commit()

    assert calls == ["fsync", "fchown", "fchmod", "fsync", "rename", "fsync"]


def test_a_symbolic_link_is_followed_and_stays(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(b"old")
    link.symlink_to("real")

    with PendingFile(str(link)) as pending:
        pending.write(b"new")
        pending.commit()

    assert link.is_symlink()
    assert real.read_bytes() == b"new"


def test_special_files_are_refused_and_left(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    with pytest.raises(TargetError, match="is not a regular file"):
        PendingFile(str(fifo)).__enter__()
    with pytest.raises(TargetError, match="is a device: it is written only in place"):
        PendingFile("/dev/null").__enter__()
    with pytest.raises(TargetError, match="is not a regular file"):
        PendingFile(str(tmp_path)).__enter__()

    assert stat.S_ISFIFO(fifo.stat().st_mode)
    assert names(tmp_path) == ["fifo"]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="its folder does not exist; create it"):
        PendingFile(str(tmp_path / "no" / "out")).__enter__()


def test_the_longest_file_name_can_be_written(tmp_path: Path) -> None:
    name = "x" * 255

    with PendingFile(str(tmp_path / name)) as pending:
        pending.write(b"data")
        pending.commit()

    assert (tmp_path / name).read_bytes() == b"data"


@pytest.mark.parametrize(
    ("published", "same"),
    [(b"data", True), (b"datb", False), (b"dat", False), (b"", False), (None, False)],
)
def test_equal_content_is_recognised(
    tmp_path: Path, published: bytes | None, *, same: bool
) -> None:
    path = tmp_path / "out"
    if published is not None:
        path.write_bytes(published)

    with PendingFile(str(path)) as pending:
        pending.write(b"data")

        assert pending.same_as_published() is same


def test_who_may_not_replace_a_file_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in /tmp, where only its owner may replace a file."""

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(TargetError) as raised, PendingFile(str(tmp_path / "file")) as pending:
        pending.commit()

    assert str(raised.value) == (
        f"{tmp_path / 'file'}: cannot be published: Operation not permitted; "
        "change it in place (-k, in_place = true) or ask its owner"
    )
    assert names(tmp_path) == []
