"""Operations that go on until they are stopped, which is how they end well."""

from typing import ClassVar

from desync_jobs.manifest.base import OperationBase


class EndlessSpec(OperationBase):
    """An operation that goes on until it is stopped."""

    # No key of manifests: whose values stay as they are when the job is read again while it runs.
    fixed: ClassVar[tuple[str, ...]] = ()
