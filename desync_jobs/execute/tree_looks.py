"""Looks at directory trees that are read, for plans that are shown, saved and applied.

A run that is not held against a saved plan reads the tree anyway: it takes no look.
"""

import os
from typing import Any

from desync_jobs.archive.looking import TreeLook
from desync_jobs.archive.metadata import Metadata
from desync_jobs.execute.archives import preview_archive
from desync_jobs.execute.task import Purpose, Task
from desync_jobs.execute.trees import is_directory
from desync_jobs.formats.catar.features import select_features
from desync_jobs.formats.flags import FeatureFlags
from desync_jobs.manifest.sources import SourcesSpec
from desync_jobs.planner.archives import Archive, tree_cost
from desync_jobs.planner.cost import Cost
from desync_jobs.planner.facts import TreeSeen


def look_at(task: Task[Any], tree: Archive, metadata: Metadata | None) -> TreeSeen | None:
    """Look at a directory, at what the archive would have that `metadata` makes of it.

    None where `tree` is no directory, and for a run. Without `metadata` everything is looked at:
    what is left out is said by another archive, when that is read. Raises `SourceError` for what
    cannot be looked at.
    """
    if task.machine.purpose is not Purpose.PREVIEW or not is_directory(tree):
        return None
    known = metadata or Metadata(select_features((), (), FeatureFlags(0)))
    look = TreeLook(tree.path, known, task.machine.cancel.check)
    digests = {os.fsdecode(path): digest for path, digest in look.take().listed()}
    exact = metadata is not None
    return TreeSeen(tree.path, look.entries, look.size, exact, digests)


def preview_tree(
    task: Task[SourcesSpec], tree: Archive, metadata: Metadata | None
) -> tuple[Cost, tuple[TreeSeen, ...]]:
    """Say what reading an archive costs by where its chunks are, or look at the directory."""
    seen = look_at(task, tree, metadata)
    if seen is None:
        return preview_archive(task, tree), ()
    return tree_cost(seen), (seen,)
