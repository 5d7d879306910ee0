"""`serve-indexes`: a web server of indexes."""

from typing import Literal

from desync_jobs.manifest.access import Access, access
from desync_jobs.manifest.quantities import Size
from desync_jobs.manifest.scalars import Flag
from desync_jobs.manifest.serving import ServerSpec
from desync_jobs.manifest.stores import IndexPlaceURL


class ServeIndexesSpec(ServerSpec):
    """Serve index files over HTTP until stopped."""

    kind: Literal["serve-indexes"]
    """Serves indexes over HTTP."""
    url: IndexPlaceURL
    """Where the indexes are: a directory, or a URL that is asked as `index_stores` say."""
    writable: Flag = False
    """Whether clients may write indexes; only such as are valid are taken."""
    stores: tuple[str, ...] = ()
    """Stores that have the chunks of these indexes: nobody deletes from them while a client writes
    an index, and who does later is told of it."""
    listing: Flag = False
    """Whether `/` tells the names of all indexes."""
    max_index_size: Size = 256 << 20
    """The largest index file that is sent or taken."""

    def access(self) -> Access:
        return access(uses_stores=self.stores)
