"""Seeds as desync's and casync's options write them."""

import os
from collections.abc import Sequence

import click

_SUFFIX = ".caibx"


def declared_seeds(pairs: Sequence[str], directories: Sequence[str]) -> list[dict[str, str]]:
    """Return the seeds of a manifest that `--seed` and `--seed-dir` stand for, in their order.

    A directory is a tree, as for casync. `x.caibx` is the index of `x`; otherwise `INDEX:BLOB`,
    where anything after a second colon is left out, as desync does.
    """
    seeds = [{"tree": text} if os.path.isdir(text) else _pair(text) for text in pairs]
    return seeds + [{"directory": directory} for directory in directories]


def _pair(text: str) -> dict[str, str]:
    if text.endswith(_SUFFIX):
        return {"index": text, "blob": text.removesuffix(_SUFFIX)}
    index, separator, rest = text.partition(":")
    blob = rest.partition(":")[0]
    if not separator or not index or not blob:
        raise click.UsageError(
            f"--seed {text}: give an index that ends in {_SUFFIX}, INDEX:BLOB, or a directory"
        )
    return {"index": index, "blob": blob}
