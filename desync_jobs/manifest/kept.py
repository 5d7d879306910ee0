"""What an archive is to keep of a directory tree, and what of the tree is left out."""

from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.manifest.base import OperationBase
from desync_jobs.manifest.features import Feature
from desync_jobs.manifest.scalars import Flag


class KeptSpec(OperationBase):
    """What every operation has that archives a directory tree, or describes one as archived."""

    with_features: tuple[Feature, ...] = ()
    """What is kept of files besides names and content, in casync's words: sets like `best`, `unix`
    and `privileged`, or single things like `xattrs`; everything where nothing is said."""
    without_features: tuple[Feature, ...] = ()
    """What of that is left out."""
    exclude_file: Flag = True
    """Whether files called `.caexclude` say what of their directories is left out."""
    exclude_nodump: Flag = True
    """Whether files are left out that have the attribute `d` of `chattr`."""
    one_file_system: Flag = False
    """Whether files and directories are left out that something is mounted at."""
    digest: DigestAlgorithm = DigestAlgorithm.SHA512_256
    """The digest that is recorded in the archive and in its index, and names chunks."""
