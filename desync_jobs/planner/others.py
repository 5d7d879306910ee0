"""Operations that work for others, whose wishes nobody knows before the end: servers and mounts."""

from desync_jobs.manifest.endless import EndlessSpec
from desync_jobs.manifest.operations import OperationSpec


def works_for_others(spec: OperationSpec) -> bool:
    """Whether what others ask for decides what chunks are fetched and stored.

    Who serves indexes has no chunks: its stores are named for their leases.
    """
    endless = isinstance(spec, EndlessSpec) and spec.kind != "serve-indexes"
    return endless or spec.kind == "pull"
