"""Whether a blob is what an index describes: cut again, up to the first difference."""

from desync_jobs.assembly.cutting import Cutting, Stream, cut_stream
from desync_jobs.assembly.workers import Workers
from desync_jobs.execute.blob_work import Told
from desync_jobs.execute.keeping import Keeping
from desync_jobs.formats.index import Index


def same_chunks(
    stream: Stream, index: Index, cutting: Cutting, workers: Workers, told: Told
) -> bool:
    """Whether `stream` is cut into the chunks of `index`."""
    position = end = 0
    keeping = Keeping(cutting, index.algorithm, None)
    for batch in cut_stream(stream, cutting, workers, keeping.keep):
        last = position + len(batch.ends)
        same = last <= len(index) and (
            index.ends_between(position, last).tolist() == batch.ends
            and index.ids_between(position, last).tobytes() == b"".join(batch.ids)
        )
        if not same:
            return False
        position = last
        if batch.ends:
            told(batch.ends[-1] - end)
            end = batch.ends[-1]
    return position == len(index)
