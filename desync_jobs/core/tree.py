"""What makes plain entries of an archive many at a time, where that was compiled.

There is nothing else in place of it: `archive` makes entries one by one and call by call, and
has to anyway for whatever is not plain. What becomes of a tree is the same.
"""

from types import ModuleType
from typing import Final


def _compiled() -> ModuleType | None:
    try:
        from desync_jobs.core import _tree
    except ImportError:
        return None
    return _tree


TREE: Final = _compiled()
"""The functions of `_tree.pyi`; None where the extension was not built."""
