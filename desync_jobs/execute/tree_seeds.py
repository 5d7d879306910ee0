"""Directory trees as seeds: found when an operation is planned, read and cut when it is done.

The index of a tree is kept as those of blobs are, for as long as no file of it changes: whether one
did is known without reading any. A wrong one would cost fetches and never a wrong byte.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TypeVar

from desync_jobs.archive.layout import TreeLayout
from desync_jobs.archive.tree_seed import TreeSeed, index_layout, lay_out
from desync_jobs.assembly.cutting import Cutting
from desync_jobs.errors import SourceError
from desync_jobs.execute.kept_index import KeptIndex, cut_mode
from desync_jobs.execute.task import Task
from desync_jobs.formats.index import Index
from desync_jobs.planner.facts import FileFacts, FileKind, TreeFacts

S = TypeVar("S")


def survey_trees(task: Task[S], names: tuple[str, ...]) -> tuple[TreeFacts, ...]:
    """Return those of the seeds called `names` that are trees, in order.

    Raises `SourceError` for one that is no directory.
    """
    return tuple(_named_trees(task, names))


def _named_trees(task: Task[S], names: tuple[str, ...]) -> Iterator[TreeFacts]:
    for name in names:
        tree = task.machine.job.spec.seeds[name].tree
        if tree is not None:
            path = task.path(tree)
            if not os.path.isdir(path):
                raise SourceError(
                    f"seed {name}: {path} is not a directory; correct it or create it"
                )
            yield TreeFacts(f"seed {name}", path)


def open_trees(
    task: Task[S], trees: tuple[TreeFacts, ...], wanted: Index, opened: ExitStack
) -> dict[str, TreeSeed]:
    """Read `trees` and cut them as `wanted` is; they stay open as long as `opened` does.

    By their places in plans. One that cannot be read is left out, with a warning.
    """
    seeds: dict[str, TreeSeed] = {}
    for tree in trees:
        try:
            layout = opened.enter_context(TreeLayout(tree.path))
            index = _kept_or_made(task, tree, layout, wanted)
        except SourceError as error:
            task.warn(f"{tree.place}: {error}; it is not used")
        else:
            seeds[tree.place] = TreeSeed(layout, index, f"{tree.place} ({tree.path})")
    return seeds


def _kept_or_made(task: Task[S], tree: TreeFacts, layout: TreeLayout, wanted: Index) -> Index:
    try:
        wanted.sizes.check(cut_mode(wanted))
    except ValueError as error:
        raise SourceError(f"cannot be cut as the index is: {error}") from error
    left_out = lay_out(layout, wanted, task.machine.workers)
    if left_out is not None:
        task.warn(f"{tree.place}: {left_out}")
    kept = _kept_index(layout, wanted)
    index = kept.load(task)
    if index is not None:
        kept.note_use()
        return index
    index = _made(task, tree, layout, wanted)
    kept.save(index)
    return index


def forget_tree(seed: TreeSeed, wanted: Index) -> None:
    """Have whoever comes next read all of a tree that was not what its index says."""
    _kept_index(seed.layout, wanted).forget()


def _kept_index(layout: TreeLayout, wanted: Index) -> KeptIndex:
    """Return the place of the index of a tree that is laid out."""
    identity = 0, layout.fingerprint
    made_of = FileFacts(layout.reach.root, FileKind.DIRECTORY, layout.size, identity)
    return KeptIndex(made_of, wanted)


def _made(task: Task[S], tree: TreeFacts, layout: TreeLayout, wanted: Index) -> Index:
    machine = task.machine
    machine.progress.expect(layout.size)
    phase = task.phase(f"indexing {tree.place}", layout.size)
    cutting = Cutting(wanted.sizes, cut_mode(wanted), machine.kernel)
    return index_layout(layout, wanted, cutting, machine.workers, phase.advance)
