"""One blob of an extraction: its index, and where it goes."""

from desync_jobs.manifest.base import Spec
from desync_jobs.manifest.digests import BlobDigest
from desync_jobs.manifest.indexes import IndexFile
from desync_jobs.manifest.paths import FilePath


class BlobSpec(Spec):
    """One blob of several that are extracted."""

    index: IndexFile
    """The index of the blob."""
    target: FilePath
    """The file or block device to write."""
    blob_digest: BlobDigest | None = None
    """The digest that the whole blob must have, as `casync digest` prints it; checked before the
    target is published."""
