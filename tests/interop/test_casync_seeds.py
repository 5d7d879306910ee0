"""Trees as seeds do what they do for casync: the same chunks are fetched, the same tree is made.

CATAR_TREES sets how many random trees are updated.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from desync_jobs.formats.index import Index
from tests.interop.casync import casync
from tests.interop.test_casync_archives import TREES
from tests.interop.test_casync_trees import everything, grown
from tests.servers.scripted import scripted_server
from tests.servers.web import Web
from tests.trees import need_root
from tests.workspace import Workspace, ids_of


@pytest.fixture
def web(workspace: Workspace) -> Iterator[Web]:
    """A web server that has `store` and counts what is read of it; a store called `web`."""
    answers = Web(workspace / "store")
    with scripted_server(otherwise=answers) as server:
        workspace.places["web"] = {"url": server.url}
        yield answers


def cut(workspace: Workspace, tree: str, *options: str) -> Index:
    casync(workspace.path, "make", "--chunk-size=8192", *options, f"{tree}.caidx", tree)
    return workspace.index(f"{tree}.caidx")


def fetched_by_casync(workspace: Workspace, web: Web, *arguments: str) -> set[str]:
    web.asked.clear()
    url = str(workspace.places["web"]["url"])
    casync(workspace.path, "extract", f"--store={url}", *arguments)
    return web.read()


def fetched_here(workspace: Workspace, web: Web, **fields: object) -> set[str]:
    web.asked.clear()
    ended = workspace.do("untar", index="new.caidx", stores=["web"], **fields)
    assert ended.summary == (0, "done"), ended.message
    assert web.repeated == 0
    return web.read()


@pytest.mark.parametrize("target", ["absent", "old version"])
def test_the_same_chunks_are_fetched_as_by_casync(
    workspace: Workspace, web: Web, target: str
) -> None:
    random = Random(4)
    for number in range(80):
        folder = workspace / "old" / f"d{number % 6}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"f{number:02}").write_bytes(random.randbytes(random.choice([9, 900, 40_000])))
    shutil.copytree(workspace / "old", workspace / "new")
    (workspace / "new" / "d0" / "f12").write_bytes(random.randbytes(30_000))
    (workspace / "new" / "d3" / "f15").rename(workspace / "new" / "d5" / "moved")
    new, old = cut(workspace, "new", "--store=store"), cut(workspace, "old")
    lacking = {f"{one.hex()}.cacnk" for one in set(ids_of(new)) - set(ids_of(old))}
    if target == "absent":
        theirs = fetched_by_casync(workspace, web, "--seed=old", "new.caidx", "theirs")
        workspace.seeds["old"] = {"tree": "old"}
        ours = fetched_here(workspace, web, target="ours", seeds=["old"])
    else:
        for copy in ("theirs", "ours"):
            subprocess.run(["cp", "-a", workspace / "old", workspace / copy], check=True)
        theirs = fetched_by_casync(workspace, web, "new.caidx", "theirs")
        ours = fetched_here(workspace, web, target="ours", atomic=True)

    assert ours == lacking
    # casync changes the tree while it reads it.
    assert theirs == lacking or (target != "absent" and theirs > lacking)
    assert everything(workspace / "ours") == everything(workspace / "theirs")


def mutate(top: Path, random: Random) -> None:
    """Change, move and remove some files."""
    for folder, _, names in os.walk(top):
        for name in sorted(names):
            path = Path(folder, name)
            if not path.is_file() or path.is_symlink():
                continue
            match random.randrange(6):
                case 0:
                    path.unlink()
                case 1:
                    with path.open("ab") as file:
                        file.write(random.randbytes(3_000))
                case 2:
                    path.rename(path.with_name(f"{random.randrange(10**6)}"))
                case _:
                    continue


@pytest.mark.parametrize("seed", range(TREES))
def test_any_update_with_any_seeds_makes_the_tree_that_casync_makes(
    workspace: Workspace, seed: int
) -> None:
    need_root()
    random = Random(seed)
    grown(workspace / "old", 2000 + seed)
    grown(workspace / "other", 3000 + seed)
    subprocess.run(["cp", "-a", workspace / "old", workspace / "new"], check=True)
    mutate(workspace / "new", random)
    cut(workspace, "new", "--store=store")
    seeds = random.sample(["old", "other"], random.randint(1, 2))
    workspace.seeds.update({name: {"tree": name} for name in seeds})
    options = [f"--seed={name}" for name in seeds]
    casync(workspace.path, "extract", "--store=store", *options, "new.caidx", "theirs")
    ended = workspace.do(
        "untar",
        index="new.caidx",
        stores=["store"],
        seeds=seeds,
        target="other" if random.randrange(2) else "ours",
        atomic=True,
        hardlink=bool(random.randrange(2)),
    )
    made = workspace / ("ours" if (workspace / "ours").exists() else "other")

    assert ended.summary == (0, "done"), ended.message
    assert everything(made) == everything(workspace / "theirs")
