"""What each kind says it touches."""

from typing import get_args

import pytest

from desync_jobs.manifest.access import Access
from desync_jobs.manifest.base import OperationBase
from desync_jobs.manifest.copy_on_read import CopyOnReadSpec
from desync_jobs.manifest.operations import KINDS
from desync_jobs.manifest.operations.archive_verify import ArchiveVerifySpec
from desync_jobs.manifest.operations.cache import CacheOpSpec
from desync_jobs.manifest.operations.cat import CatSpec
from desync_jobs.manifest.operations.chop import ChopSpec
from desync_jobs.manifest.operations.chunk import ChunkSpec
from desync_jobs.manifest.operations.diff import DiffSpec
from desync_jobs.manifest.operations.diff_indexes import DiffIndexesSpec
from desync_jobs.manifest.operations.digest import DigestSpec
from desync_jobs.manifest.operations.every import EveryOperation
from desync_jobs.manifest.operations.extract import ExtractSpec
from desync_jobs.manifest.operations.get import GetSpec
from desync_jobs.manifest.operations.info import InfoSpec
from desync_jobs.manifest.operations.inspect_chunks import InspectChunksSpec
from desync_jobs.manifest.operations.list import ListSpec
from desync_jobs.manifest.operations.list_chunks import ListChunksSpec
from desync_jobs.manifest.operations.make import MakeSpec
from desync_jobs.manifest.operations.mkdev import MkdevSpec
from desync_jobs.manifest.operations.mount import MountTreeSpec
from desync_jobs.manifest.operations.mount_index import MountIndexSpec
from desync_jobs.manifest.operations.mtree import MtreeSpec
from desync_jobs.manifest.operations.pull import PullSpec
from desync_jobs.manifest.operations.put import PutSpec
from desync_jobs.manifest.operations.serve_chunks import ServeChunksSpec
from desync_jobs.manifest.operations.serve_indexes import ServeIndexesSpec
from desync_jobs.manifest.operations.serve_nbd import ServeNbdSpec
from desync_jobs.manifest.operations.tar import TarSpec
from desync_jobs.manifest.operations.untar import UntarSpec
from desync_jobs.manifest.operations.verify import VerifySpec
from desync_jobs.manifest.operations.verify_index import VerifyIndexSpec
from desync_jobs.manifest.tree_place import TreePlaceSpec


def test_the_table_of_kinds_is_the_union() -> None:
    union = get_args(get_args(EveryOperation)[0])
    kinds = {get_args(spec.model_fields["kind"].annotation)[0]: spec for spec in union}

    assert kinds == KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_called_like_its_module(kind: str) -> None:
    module = KINDS[kind].__module__.rpartition(".")[2]

    assert module.replace("_", "-") == kind


@pytest.mark.parametrize(
    ("operation", "access"),
    [
        (
            MakeSpec(kind="make", blob="b", index="i", store="s"),
            Access(reads=("b",), writes=("i",), adds_to=("s",)),
        ),
        (
            MakeSpec(kind="make", blob="-", index="-"),
            Access(reads_stdin=True, writes_stdout=True),
        ),
        (
            ExtractSpec(kind="extract", index="i", target="t", stores=("s", "r"), cache="c"),
            Access(reads=("i",), writes=("t",), uses_stores=("s", "r", "c")),
        ),
        (
            ExtractSpec(kind="extract", index="-", target="t", stores=("s",)),
            Access(writes=("t",), uses_stores=("s",), reads_stdin=True),
        ),
        (
            VerifyIndexSpec(kind="verify-index", index="i", blob="b"),
            Access(reads=("i", "b")),
        ),
        (
            VerifySpec(kind="verify", store="s"),
            Access(uses_stores=("s",)),
        ),
        (
            VerifySpec(kind="verify", store="s", repair=True),
            Access(uses_stores=("s",), deletes_from=("s",)),
        ),
        (
            VerifySpec(kind="verify", store="s", repair_from=("t",), progress="p", report="-"),
            Access(writes=("p",), uses_stores=("s", "t"), adds_to=("s",), writes_stdout=True),
        ),
        (
            ChopSpec(
                kind="chop", index="i", blob="b", store="s", ignore=("j",), ignore_chunks=("t",)
            ),
            Access(reads=("i", "b", "j", "t"), adds_to=("s",)),
        ),
        (
            CacheOpSpec(
                kind="cache",
                indexes=("i", "j", "i"),
                stores=("s",),
                cache="c",
                ignore=("k",),
                ignore_chunks=("t",),
            ),
            Access(reads=("i", "j", "k", "t"), uses_stores=("s",), adds_to=("c",)),
        ),
        (
            CatSpec(kind="cat", index="i", stores=("s",), cache="c"),
            Access(reads=("i",), uses_stores=("s", "c"), writes_stdout=True),
        ),
        (
            ChunkSpec(kind="chunk", blob="b", output="o"),
            Access(reads=("b",), writes=("o",)),
        ),
        (
            ListChunksSpec(kind="list-chunks", index="i"),
            Access(reads=("i",), writes_stdout=True),
        ),
        (
            InfoSpec(
                kind="info", index="i", stores=("s",), seeds=("j",), cache="c", chunks_info="f"
            ),
            Access(reads=("i", "j", "f"), uses_stores=("s", "c"), writes_stdout=True),
        ),
        (
            InspectChunksSpec(kind="inspect-chunks", index="i", store="s", output="o"),
            Access(reads=("i",), writes=("o",), uses_stores=("s",)),
        ),
        (
            DigestSpec(kind="digest", blob="-"),
            Access(reads_stdin=True, writes_stdout=True),
        ),
        (
            PullSpec(kind="pull", stores=("s",), cache="c", index="i"),
            Access(reads=("i",), uses_stores=("s", "c"), reads_stdin=True, writes_stdout=True),
        ),
        (
            ServeChunksSpec(kind="serve-chunks", stores=("s", "t"), cache="c"),
            Access(uses_stores=("s", "t", "c")),
        ),
        (
            ServeNbdSpec(kind="serve-nbd", index="i", stores=("s",), cache="c", socket="p"),
            Access(reads=("i",), uses_stores=("s", "c")),
        ),
        (
            MkdevSpec(kind="mkdev", index="i", stores=("s",), device="/dev/nbd0"),
            Access(reads=("i",), uses_stores=("s",)),
        ),
        (
            MountTreeSpec(kind="mount", index="-", mountpoint="m", stores=("s",), cache="c"),
            Access(uses_stores=("s", "c"), reads_stdin=True),
        ),
        (MountTreeSpec(kind="mount", archive="a", mountpoint="m"), Access(reads=("a",))),
        (
            MountIndexSpec(kind="mount-index", index="i", mountpoint="m", stores=("s",), cache="c"),
            Access(reads=("i",), uses_stores=("s", "c")),
        ),
        (
            MountIndexSpec(
                kind="mount-index",
                index="i",
                mountpoint="m",
                stores=("s",),
                copy_on_read=CopyOnReadSpec(file="f", prefetch="p"),
            ),
            Access(reads=("i", "p"), writes=("f", "f.state"), uses_stores=("s",)),
        ),
        (
            MountIndexSpec(
                kind="mount-index",
                index="i",
                mountpoint="m",
                stores=("s",),
                copy_on_read=CopyOnReadSpec(file="f", state="t", prefetch="t"),
            ),
            Access(reads=("i",), writes=("f", "t"), uses_stores=("s",)),
        ),
        (ServeIndexesSpec(kind="serve-indexes", url="i", writable=True), Access()),
        (
            ServeChunksSpec(kind="serve-chunks", stores=("s",), writable=True),
            Access(uses_stores=("s",), adds_to=("s",)),
        ),
        (
            TarSpec(kind="tar", directory="d", index="i", store="s"),
            Access(reads_trees=("d",), writes=("i",), adds_to=("s",)),
        ),
        (
            TarSpec(kind="tar", directory="d", archive="-"),
            Access(reads_trees=("d",), writes_stdout=True),
        ),
        (
            UntarSpec(kind="untar", index="i", stores=("s",), target="d"),
            Access(reads=("i",), plants=("d",), uses_stores=("s",)),
        ),
        (
            TarSpec(kind="tar", tar_stream="t", archive="a"),
            Access(reads=("t",), writes=("a",)),
        ),
        (
            TarSpec(kind="tar", tar_stream="-", index="i"),
            Access(reads_stdin=True, writes=("i",)),
        ),
        (
            ListSpec(kind="list", archive="a", output="o"),
            Access(reads=("a",), writes=("o",)),
        ),
        (
            ListSpec(kind="list", index="i", stores=("s",), cache="c", seeds=("d",)),
            Access(reads=("i",), uses_stores=("s", "c"), uses_seeds=("d",), writes_stdout=True),
        ),
        (
            PutSpec(kind="put", archive="a", index="i", store="s"),
            Access(reads=("a",), writes=("i",), adds_to=("s",)),
        ),
        (
            GetSpec(kind="get", index="i", stores=("s",), cache="c"),
            Access(reads=("i",), uses_stores=("s", "c"), writes_stdout=True),
        ),
        (
            DigestSpec(kind="digest", directory="d"),
            Access(reads_trees=("d",), writes_stdout=True),
        ),
        (
            ArchiveVerifySpec(kind="archive-verify", archive="a", directory="d", output="o"),
            Access(reads=("a",), reads_trees=("d",), writes=("o",)),
        ),
        (
            DiffSpec(
                kind="diff",
                old=TreePlaceSpec(index="i"),
                new=TreePlaceSpec(directory="d"),
                stores=("s",),
            ),
            Access(reads=("i",), reads_trees=("d",), uses_stores=("s",), writes_stdout=True),
        ),
        (
            DiffIndexesSpec(kind="diff-indexes", old="i", new="j"),
            Access(reads=("i", "j"), writes_stdout=True),
        ),
        (
            MtreeSpec(kind="mtree", archive="-"),
            Access(reads_stdin=True, writes_stdout=True),
        ),
    ],
)
def test_an_operation_says_what_it_touches(operation: OperationBase, access: Access) -> None:
    assert operation.access() == access
