"""An index written row by row while its blob is cut; it appears whole or not at all."""

import numpy as np

from desync_jobs.core.chunk import CHUNK_ID_SIZE, ChunkID
from desync_jobs.core.sizes import ChunkSizes
from desync_jobs.execute.outputs import Output
from desync_jobs.execute.result import Status
from desync_jobs.formats.index_layout import index_header, index_rows, index_tail


class IndexOutput:
    """Writes header, rows and tail; memory does not grow with the index."""

    def __init__(self, output: Output, flags: int, sizes: ChunkSizes) -> None:
        self._output = output
        self.chunks = 0
        """Rows so far."""
        self.blob_size = 0
        """Where the last row ends."""
        output.write(index_header(flags, sizes))

    def add(self, ends: list[int], ids: list[ChunkID]) -> None:
        """Append rows."""
        if not ends:
            return
        table = np.frombuffer(b"".join(ids), np.uint8).reshape(len(ids), CHUNK_ID_SIZE)
        self._output.write(index_rows(np.array(ends, np.uint64), table))
        self.chunks += len(ends)
        self.blob_size = ends[-1]

    def finish(self) -> Status:
        """Append the tail and publish."""
        self._output.write(index_tail(self.chunks))
        return self._output.finish()
