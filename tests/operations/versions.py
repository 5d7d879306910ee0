"""Two versions of a tree: `old`, which is declared as the seed `running`, and `new`."""

import shutil
from random import Random

from desync_jobs.formats.index import Index
from tests.workspace import SMALL, Workspace, ids_of

FILES = 60


def make_versions(workspace: Workspace) -> None:
    """Make trees `old` and `new`, indexes of both, and a store with the chunks of `new` alone."""
    random = Random(11)
    for number in range(FILES):
        folder = workspace / "old" / f"d{number % 5}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"f{number:02}").write_bytes(random.randbytes(random.choice([40, 3_000, 60_000])))
    shutil.copytree(workspace / "old", workspace / "new")
    for name in ("d1/f06", "d4/f24"):
        with (workspace / "new" / name).open("r+b") as file:
            file.write(b"changed")
    (workspace / "new" / "d2" / "f12").unlink()
    (workspace / "new" / "d3" / "more").write_bytes(random.randbytes(70_000))
    archive(workspace, "new", store="store")
    archive(workspace, "old")
    workspace.seeds["running"] = {"tree": "old"}


def archive(workspace: Workspace, tree: str, **fields: str) -> Index:
    settings = {"chunk_size": SMALL, **fields}
    ended = workspace.do("tar", directory=tree, index=f"{tree}.caidx", **settings)
    assert ended.result.exit_code == 0, ended.message
    return workspace.index(f"{tree}.caidx")


def missing(workspace: Workspace) -> set[bytes]:
    """Return the chunks of `new` that `old` does not have, found without any seed."""
    new, old = workspace.index("new.caidx"), workspace.index("old.caidx")
    lacking = set(ids_of(new)) - set(ids_of(old))
    assert 5 < len(lacking) < len(new) / 2
    return lacking


def archived(workspace: Workspace) -> bytes:
    workspace.do("tar", directory="new", archive="right.catar")
    return (workspace / "right.catar").read_bytes()
