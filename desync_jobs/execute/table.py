"""Who surveys and who does each kind of operation."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from desync_jobs.execute.operations.cache import do_cache, survey_cache
from desync_jobs.execute.operations.cat import do_cat, survey_cat
from desync_jobs.execute.operations.chop import do_chop, survey_chop
from desync_jobs.execute.operations.chunk import do_chunk, survey_chunk
from desync_jobs.execute.operations.digest import do_digest, survey_digest
from desync_jobs.execute.operations.extract import do_extract, survey_extract
from desync_jobs.execute.operations.info import do_info, survey_info
from desync_jobs.execute.operations.inspect_chunks import do_inspect_chunks, survey_inspect_chunks
from desync_jobs.execute.operations.list_chunks import do_list_chunks, survey_list_chunks
from desync_jobs.execute.operations.make import do_make, survey_make
from desync_jobs.execute.operations.verify import do_verify, survey_verify
from desync_jobs.execute.operations.verify_index import do_verify_index, survey_verify_index
from desync_jobs.execute.result import Done
from desync_jobs.execute.task import Task
from desync_jobs.manifest.operations.cache import CacheOpSpec
from desync_jobs.manifest.operations.cat import CatSpec
from desync_jobs.manifest.operations.chop import ChopSpec
from desync_jobs.manifest.operations.chunk import ChunkSpec
from desync_jobs.manifest.operations.digest import DigestSpec
from desync_jobs.manifest.operations.extract import ExtractSpec
from desync_jobs.manifest.operations.info import InfoSpec
from desync_jobs.manifest.operations.inspect_chunks import InspectChunksSpec
from desync_jobs.manifest.operations.list_chunks import ListChunksSpec
from desync_jobs.manifest.operations.make import MakeSpec
from desync_jobs.manifest.operations.verify import VerifySpec
from desync_jobs.manifest.operations.verify_index import VerifyIndexSpec
from desync_jobs.planner.plan import Step


class Hands(NamedTuple):
    """The two functions of one kind of operation; their own signatures name its spec."""

    survey: Callable[[Task[Any]], object]
    do: Callable[[Task[Any], Step], Done]


HANDS: Final[dict[type, Hands]] = {
    MakeSpec: Hands(survey_make, do_make),
    ExtractSpec: Hands(survey_extract, do_extract),
    VerifyIndexSpec: Hands(survey_verify_index, do_verify_index),
    VerifySpec: Hands(survey_verify, do_verify),
    ChopSpec: Hands(survey_chop, do_chop),
    CacheOpSpec: Hands(survey_cache, do_cache),
    CatSpec: Hands(survey_cat, do_cat),
    ChunkSpec: Hands(survey_chunk, do_chunk),
    ListChunksSpec: Hands(survey_list_chunks, do_list_chunks),
    InfoSpec: Hands(survey_info, do_info),
    InspectChunksSpec: Hands(survey_inspect_chunks, do_inspect_chunks),
    DigestSpec: Hands(survey_digest, do_digest),
}
