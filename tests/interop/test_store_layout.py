"""A store that is made here cannot be told from casync's by its names and modes."""

import os
import stat
from pathlib import Path

import pytest
import zstandard

from tests.blobs import NAMES, blob
from tests.interop.casync import casync
from tests.workspace import Workspace


def listing(store: Path) -> dict[str, str]:
    """Return the mode of everything in a store, by its path, as `ls` shows it."""
    return {
        str(path.relative_to(store)): stat.filemode(path.lstat().st_mode)
        for path in sorted(store.rglob("*"))
    }


@pytest.mark.parametrize("name", [name for name in NAMES if name != "empty"])
@pytest.mark.parametrize(("umask", "mode"), [(0o022, "-r--r--r--"), (0o077, "-r--------")])
def test_names_and_modes_are_casyncs(
    workspace: Workspace, name: str, umask: int, mode: str
) -> None:
    before = os.umask(umask)
    try:
        workspace.make("blob", blob(name), store="ours", chunk_size="8KiB")
        casync(workspace.path, "make", "--chunk-size=8192", "--store=theirs", "their.caibx", "blob")
    finally:
        os.umask(before)
    ours = listing(workspace / "ours")

    assert ours == listing(workspace / "theirs")
    assert {found for path, found in ours.items() if path.endswith(".cacnk")} == {mode}
    assert (workspace / "ours").stat().st_mode == (workspace / "theirs").stat().st_mode


def test_a_chunk_is_in_the_folder_of_its_first_four_digits(workspace: Workspace) -> None:
    index = workspace.make("blob", blob("random"))
    paths = [path for path in listing(workspace / "store") if "/" in path]

    assert len(paths) == len({index.id(at) for at in range(len(index))})
    for path in paths:
        prefix, _, name = path.partition("/")
        assert name == f"{name[:64]}.cacnk"
        assert prefix == name[:4]


def test_a_plain_chunk_has_no_suffix(workspace: Workspace) -> None:
    workspace.places["store"] = {"compression": "none"}
    index = workspace.make("blob", blob("random"))

    assert {Path(path).name for path in listing(workspace / "store") if "/" in path} == {
        index.id(at).hex() for at in range(len(index))
    }


def test_a_compressed_chunk_is_one_zstd_frame_of_the_chunk(workspace: Workspace) -> None:
    index = workspace.make("blob", blob("text"))
    for at in range(len(index)):
        name = index.id(at).hex()
        stored = (workspace / "store" / name[:4] / f"{name}.cacnk").read_bytes()
        frame = zstandard.ZstdDecompressor().decompressobj()
        assert frame.decompress(stored) == blob("text")[index.start(at) : index.end(at)]
        assert frame.eof
        assert frame.unused_data == b""


def test_nothing_else_is_left_in_a_store(workspace: Workspace) -> None:
    workspace.make("blob", blob("first"))
    workspace.make("second", blob("second"))
    kinds = {Path(path).suffix for path in listing(workspace / "store") if "/" in path}

    assert kinds == {".cacnk"}
