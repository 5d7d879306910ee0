import itertools
import os
from collections.abc import Mapping
from typing import Any

import pytest
import tomli
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.core.sizes import ChunkSizes, CutMode
from desync_jobs.errors import UsageError
from desync_jobs.formats.catar.aspects import ASPECTS
from desync_jobs.formats.catar.features import FEATURES
from desync_jobs.manifest.access import STREAM
from desync_jobs.manifest.archive import ArchiveSpec
from desync_jobs.manifest.base import OperationBase
from desync_jobs.manifest.endless import EndlessSpec
from desync_jobs.manifest.engine import LocalEngineSpec
from desync_jobs.manifest.job import JobSpec
from desync_jobs.manifest.kept import KeptSpec
from desync_jobs.manifest.load import job_from_document
from desync_jobs.manifest.operations import KINDS
from desync_jobs.manifest.sources import SourcesSpec
from desync_jobs.manifest.tree import TreeSpec
from desync_jobs.manifest.write import job_document, manifest_text

names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,6}", fullmatch=True)
texts = st.text(st.characters(codec="utf-8") | st.sampled_from("${}\"'\\\n"), max_size=12)
paths = st.one_of(
    st.sampled_from(["image.raw", "a,b:c|d", "${x}", "a b"]),
    texts.filter(lambda text: text and "\0" not in text and "://" not in text and text != STREAM),
)
streams = paths | st.just(STREAM)
sizes = st.integers(0, 1 << 50)
digests = st.from_regex("[0-9a-f]{64}", fullmatch=True)

_CHOSEN = ("index", "target", "blobs", "indexes", "targets", "blob_digest")
"""Keys of an extraction that say what it is about."""

_MADE = ("blob", "index", "blobs", "indexes")
"""Keys of `make` that say what is cut, and where its index goes."""

_ARCHIVED = (
    *("archive", "index", "store", "directory", "tar_stream", "add_root", "max_expansion"),
    *("one_file_system", "dialect", "with_features", "exclude_file", "exclude_nodump"),
)
"""Keys of `tar` that say what is archived, how, and what becomes of the archive."""

_UNPACKED = (
    *("target", "tar_stream", "tar_format", "same_owner", "same_permissions", "delete"),
    *("replace", "atomic", "seed_target", "hardlink", "durability"),
)
"""Keys of `untar` that say what becomes of an archive."""

_SOURCES = SourcesSpec.model_fields.keys() - OperationBase.model_fields.keys()
"""Keys that say where the chunks of an index come from."""

_KEPT = KeptSpec.model_fields.keys() - OperationBase.model_fields.keys()
"""Keys that say what is kept of a directory."""

_ROOTS = st.lists(
    st.fixed_dictionaries(
        {"url": paths},
        optional={
            "include": st.lists(texts.filter(lambda text: "${" not in text), max_size=2),
            "keep_last": st.integers(0, 9),
            "keep_for": st.sampled_from(["2d", "90s"]),
        },
    ),
    min_size=1,
    max_size=2,
)

_MIGRATED_STORES = st.fixed_dictionaries(
    {},
    optional={
        "progress": paths.map("progress-{}".format),
        "report": paths.map("report-{}".format),
        "read_back": st.booleans(),
        "rewrite": st.booleans(),
    },
)
_MIGRATED_INDEXES = st.fixed_dictionaries(
    {"roots": st.lists(st.fixed_dictionaries({"url": paths}), min_size=1), "indexes_to": paths},
    optional={
        "remove_gone": st.booleans(),
        "recompress": st.booleans(),
        "digest": st.sampled_from([algorithm.value for algorithm in DigestAlgorithm]),
    },
)
"""What a migration is about."""
_PUBLISHED = st.fixed_dictionaries(
    {}, optional={"head": st.just("head.json"), "aliases": st.just({"latest": "b.caibx"})}
)

_FIELDS: Mapping[str, st.SearchStrategy[Any]] = {
    "description": texts,
    "target": paths,
    "with_features": st.lists(st.sampled_from(list(FEATURES)), max_size=2),
    "ignore_extra": st.booleans(),
    "directory": paths.map("directory-{}".format),
    "exclude_file": st.booleans(),
    "exclude_nodump": st.booleans(),
    "one_file_system": st.booleans(),
    "without_features": st.lists(st.sampled_from(list(FEATURES)), max_size=2),
    "chunks_info": paths,
    "indexes": st.lists(paths, min_size=1, max_size=3),
    "seeds": st.lists(paths, max_size=2),
    "ignore": st.lists(paths, max_size=2),
    "ignore_chunks": st.lists(paths, max_size=2),
    "cache_repair": st.booleans(),
    "in_place": st.booleans(),
    "direct_io": st.booleans(),
    "repair": st.booleans(),
    "roots": _ROOTS,
    "grace": st.sampled_from(["0s", "36h"]),
    "quarantine": st.booleans(),
    "quarantine_for": st.sampled_from(["30d", "1ms"]),
    "indexes_of": st.lists(paths, max_size=2),
    "content": st.booleans(),
    "sample": st.sampled_from(["5%", "0.5%", "100%"]),
    "progress": paths.map("progress-{}".format),
    "report": paths.map("report-{}".format),
    "offset": sizes,
    "start": sizes,
    "length": sizes,
    "invalid_seeds": st.sampled_from(["fail", "skip", "regenerate"]),
    "verify": st.sampled_from(["fetched", "written", "all"]),
    "durability": st.sampled_from(["full", "rename", "none"]),
    "style": st.sampled_from(["casync", "desync"]),
    "dialect": st.sampled_from(["casync", "desync"]),
    "format": st.sampled_from(["json", "plain"]),
    "cut": st.sampled_from(CutMode),
    "chunk_size": st.lists(st.integers(64, 1 << 20), min_size=3, max_size=3).map(
        lambda three: ChunkSizes(*sorted(three))
    ),
}


_OF_KINDS: Mapping[tuple[str, str], st.SearchStrategy[Any]] = {
    **dict.fromkeys(
        [(kind, "format") for kind in ("diff", "diff-indexes", "archive-verify")],
        st.sampled_from(["words", "json"]),
    ),
    **dict.fromkeys(
        [(kind, "ignore") for kind in ("diff", "archive-verify")],
        st.lists(st.sampled_from(list(ASPECTS)), max_size=2),
    ),
}
"""Keys whose values are other ones than elsewhere."""

FILES_ONLY = {("verify-index", "blob"), ("chop", "blob"), ("pull", "index")}
"""Keys of kinds that no stream can be given for."""


def _field(draw: st.DrawFn, kind: str, key: str, stores: list[str], caches: list[str]) -> Any:
    """Draw a value for one key of an operation."""
    match key:
        case "store":
            return draw(st.sampled_from(stores))
        case "stores" | "seeds" if key == "stores" or kind != "info":
            declared, least = (stores, 1) if key == "stores" else (["s1", "s2", "s3"], 0)
            return draw(
                st.lists(st.sampled_from(declared), min_size=least, max_size=2, unique=True)
            )
        case "cache":
            return draw(st.sampled_from(caches))
        case "digest":
            words = [algorithm.value for algorithm in DigestAlgorithm]
            return draw(st.sampled_from([*words, "auto"] if kind == "verify" else words))
        case "index" | "blob" | "archive" | "output" | "old" | "new":
            # Paths that differ, so that nothing is both read and written.
            stream = (kind, key) not in FILES_ONLY
            return f"{key}-{draw(paths)}" if draw(st.booleans()) or not stream else STREAM
        case _:
            return draw(_OF_KINDS[kind, key] if (kind, key) in _OF_KINDS else _FIELDS[key])


_DRAWN = [kind for kind, spec in KINDS.items() if not issubclass(spec, EndlessSpec)]
"""A job has one of those that go on until they are stopped; a test of their own writes them."""


@st.composite
def operations(  # noqa: C901 -- a case for each kind with rules of its own
    draw: st.DrawFn, stores: list[str], caches: list[str]
) -> dict[str, Any]:
    kind = draw(st.sampled_from(_DRAWN))
    if kind == "publish":
        places = {"stores": [stores[0]], "store": stores[0], "indexes_to": "public"}
        return {"kind": kind, **places, "indexes": ["b.caibx"], **draw(_PUBLISHED)}
    if kind == "migrate":
        places = {"stores": [draw(st.sampled_from(stores))], "store": stores[0]}
        return {"kind": kind, **places, **draw(_MIGRATED_STORES | _MIGRATED_INDEXES)}
    operation: dict[str, Any] = {"kind": kind}
    aside = {"extract": _CHOSEN, "tar": _ARCHIVED, "verify": ("repair_from",), "make": _MADE}
    chosen = aside.get(kind, ())
    if kind == "verify-chunks":
        chosen = ("roots",)
    unpacked = kind == "untar"
    if kind == "diff":
        chosen = (*_SOURCES, *_KEPT, "old", "new")
    if issubclass(KINDS[kind], ArchiveSpec):
        chosen = (*_ways(kind), *_SOURCES, *(_KEPT if issubclass(KINDS[kind], TreeSpec) else ()))
        chosen = (*chosen, *(_UNPACKED if unpacked else ()))
    for key, field in KINDS[kind].model_fields.items():
        wanted = key not in ("kind", "after") and key not in chosen
        if wanted and (field.is_required() or draw(st.booleans())):
            operation[key] = _field(draw, kind, key, stores, caches)
    about = {"extract": extracted(), "tar": archived(stores), "make": made()}.get(kind)
    if issubclass(KINDS[kind], ArchiveSpec):
        about = read_trees(kind, stores, caches)
    if unpacked:
        operation |= draw(st.one_of(_TO_DISK, _TO_STREAM))
    if kind == "diff":
        about = compared_trees(stores, caches)
    return operation | ({} if about is None else draw(about))


def _ways(kind: str) -> list[str]:
    """Return the keys of which one says what is read."""
    ways = ("archive", "index", "directory", "blob")
    if kind == "archive-verify":
        return ["archive", "index"]
    return [key for key in ways if key in KINDS[kind].model_fields]


_TO_DISK = st.fixed_dictionaries(
    {"target": paths},
    optional={
        "same_owner": st.booleans(),
        "same_permissions": st.booleans(),
        "replace": st.booleans(),
        "atomic": st.booleans(),
        "delete": st.just(True),  # noqa: FBT003 -- with `atomic` it cannot be false
        "durability": st.sampled_from(["full", "rename", "none"]),
    },
)
_TO_STREAM = st.fixed_dictionaries(
    {"tar_stream": paths.map("stream-{}".format) | st.just(STREAM)},
    optional={"tar_format": st.sampled_from(["pax", "gnu"])},
)
_FROM_DISK = st.fixed_dictionaries(
    {"directory": paths.map("directory-{}".format)}, optional={"one_file_system": st.booleans()}
)
_FROM_STREAM = st.fixed_dictionaries(
    {"tar_stream": paths.map("stream-{}".format) | st.just(STREAM)},
    optional={"add_root": st.booleans(), "max_expansion": st.integers(0, 1 << 50)},
)
_CASYNCS = st.fixed_dictionaries(
    {},
    optional={
        "with_features": st.lists(st.sampled_from(list(FEATURES)), max_size=2),
        "exclude_file": st.booleans(),
        "exclude_nodump": st.booleans(),
    },
)
_DESYNCS = st.just({"dialect": "desync"})


@st.composite
def read_trees(draw: st.DrawFn, kind: str, stores: list[str], caches: list[str]) -> dict[str, Any]:
    """Draw where an archive or a tree is, in each of the ways."""
    way = draw(st.sampled_from(_ways(kind)))
    keys = {"index": [*_SOURCES], "directory": [*_KEPT], "blob": ["digest"]}.get(way, [])
    return {key: _field(draw, kind, key, stores, caches) for key in sorted([way, *keys])}


@st.composite
def compared_trees(draw: st.DrawFn, stores: list[str], caches: list[str]) -> dict[str, Any]:
    """Draw two trees to be compared, and what belongs to them."""
    ways = [draw(st.sampled_from(["archive", "index", "directory"])) for _ in range(2)]
    keys = [*(_SOURCES if "index" in ways else ()), *(_KEPT if set(ways) == {"directory"} else ())]
    about = {key: _field(draw, "diff", key, stores, caches) for key in sorted(keys)}
    places = [f"{side}-{draw(paths)}" for side in ("old", "new")]
    return {**about, "old": {ways[0]: places[0]}, "new": {ways[1]: places[1]}}


@st.composite
def archived(draw: st.DrawFn, stores: list[str]) -> dict[str, Any]:
    """Draw what an archive is made of, and what becomes of it, each in two ways."""
    source: dict[str, Any] = draw(st.one_of(_FROM_DISK, _FROM_STREAM))
    source |= draw(st.one_of(_CASYNCS, _DESYNCS))
    if draw(st.booleans()):
        return source | {"archive": f"archive-{draw(paths)}" if draw(st.booleans()) else STREAM}
    index = source | {"index": f"index-{draw(paths)}" if draw(st.booleans()) else STREAM}
    return index | ({"store": draw(st.sampled_from(stores))} if draw(st.booleans()) else {})


@st.composite
def extracted(draw: st.DrawFn) -> dict[str, Any]:
    """Draw what an extraction is about, in each of the three ways."""
    match draw(st.integers(0, 2)):
        case 0:
            index = draw(st.just(STREAM) | paths.map("index-{}".format))
            one = {"index": index, "target": f"target-{draw(paths)}"}
            return one | ({"blob_digest": draw(digests)} if draw(st.booleans()) else {})
        case 1:
            named = paths.map("target-{}".format)
            targets = draw(st.lists(named, min_size=1, max_size=3, unique_by=os.path.normpath))
            blobs = [{"index": "index-" + draw(paths), "target": target} for target in targets]
            if draw(st.booleans()):
                blobs[0]["blob_digest"] = draw(digests)
            return {"blobs": blobs}
        case _:
            patterns = ["*.caibx", ["a.caibx", "b?.caibx", "c/[[]*.caibx"]]
            return {"indexes": draw(st.sampled_from(patterns)), "targets": draw(paths)}


@st.composite
def made(draw: st.DrawFn) -> dict[str, Any]:
    """Draw what a `make` is about, in both ways."""
    if draw(st.booleans()):
        return {
            key: draw(st.just(STREAM) | paths.map(f"{key}-{{}}".format))
            for key in ("blob", "index")
        }
    patterns = ["*.img", ["a.img", "b?.img", "c/[[]*"]]
    places = st.sampled_from(["indexes", "https://example.org/indexes"])
    return {"blobs": draw(st.sampled_from(patterns)), "indexes": draw(places)}


@st.composite
def places(draw: st.DrawFn) -> dict[str, Any]:
    place: dict[str, Any] = {"url": draw(paths)}
    if draw(st.booleans()):
        place["compression"] = draw(st.sampled_from(["zstd", "none"]))
    if draw(st.booleans()):
        place["level"] = draw(st.integers(1, 19))
    return place


def seeds() -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(
        st.fixed_dictionaries({"directory": paths}),
        st.fixed_dictionaries({"blob": paths}, optional={"index": st.just("auto") | paths}),
    )


@st.composite
def jobs(draw: st.DrawFn) -> JobSpec:
    """Draw any job whose names all refer to something."""
    declared = draw(st.lists(names, min_size=2, max_size=5, unique=True))
    stores, caches = declared[:1], declared[1:]
    called = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    document: dict[str, Any] = {
        "version": 1,
        "stores": {name: draw(places()) for name in stores},
        "caches": {name: draw(places()) for name in caches},
        "seeds": {name: draw(seeds()) for name in ("s1", "s2", "s3")},
        "operations": {name: draw(operations(stores, caches)) for name in called},
    }
    for earlier, later in itertools.pairwise(called):
        if draw(st.booleans()):
            document["operations"][later]["after"] = [earlier]
    optional = {
        "name": texts,
        "description": texts,
        "keep_going": st.booleans(),
        "engine": st.fixed_dictionaries({"workers": st.integers(1, 256)}),
        "variables": st.dictionaries(
            st.from_regex(r"[a-z][a-z0-9_-]{0,4}", fullmatch=True),
            st.fixed_dictionaries(
                {"default": texts.filter(lambda text: "${" not in text)},
                optional={"description": texts},
            ),
            max_size=2,
        ),
    }
    for key, values in optional.items():
        if draw(st.booleans()):
            document[key] = draw(values)
    return JobSpec.model_validate(document)


# A busy machine draws the first jobs too slowly for the check of that.
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(jobs())
def test_what_is_written_is_read_as_the_same_job(spec: JobSpec) -> None:
    document = tomli.loads(manifest_text(spec))

    assert job_from_document(document, "/jobs", "job.toml").spec == spec


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(jobs())
def test_defaults_are_left_out(spec: JobSpec) -> None:
    written = job_document(spec)["operations"]

    for name, operation in spec.operations.items():
        for key, field in type(operation).model_fields.items():
            is_default = getattr(operation, key) == field.get_default()
            assert (key in written[name]) is not is_default


def test_keys_stand_in_a_readable_order() -> None:
    spec = JobSpec.model_validate(
        {
            "operations": {
                "second": {"after": ["first"], "index": "i", "kind": "list-chunks"},
                "first": {
                    "chunk_size": "64KiB",
                    "store": "s",
                    "index": "i",
                    "blob": "costs $${5}",
                    "kind": "make",
                    "description": "d",
                },
            },
            "stores": {"s": {"level": 3, "url": "chunks"}},
            "engine": {"kind": "local", "workers": 2},
            "keep_going": True,
            "name": "n",
            "version": 1,
        }
    )

    assert (
        manifest_text(spec)
        == """\
version = 1
name = "n"
keep_going = true

[engine]
workers = 2

[stores.s]
url = "chunks"

[operations.second]
kind = "list-chunks"
index = "i"
after = [
    "first",
]

[operations.first]
kind = "make"
description = "d"
blob = "costs $$${5}"
index = "i"
store = "s"
"""
    )


def test_workers_are_written_where_they_were_asked_for() -> None:
    asked_for, left_out = (
        JobSpec.model_validate(
            {
                "version": 1,
                "engine": engine,
                "operations": {"d": {"kind": "digest", "blob": "b"}},
            }
        )
        for engine in ({"workers": LocalEngineSpec().workers}, {"kind": "local"})
    )

    assert job_document(asked_for)["engine"] == {"workers": asked_for.engine.workers}
    assert "engine" not in job_document(left_out)


def test_a_path_that_is_not_utf_8_can_be_used_but_not_written() -> None:
    spec = JobSpec.model_validate(
        {"version": 1, "operations": {"d": {"kind": "digest", "blob": "a\udc80"}}}
    )

    with pytest.raises(UsageError) as caught:
        manifest_text(spec)

    assert str(caught.value) == (
        "blob: not UTF-8, which a job file has to be; rename the file, or use the command"
    )


@pytest.mark.parametrize(
    ("written", "shown"),
    [("1 MiB", "256KiB:1MiB:4MiB"), ("48B:48B:48B", "48B:48B:48B")],
)
def test_sizes_are_shown_with_units(written: str, shown: str) -> None:
    spec = JobSpec.model_validate(
        {
            "version": 1,
            "operations": {
                "c": {"kind": "chunk", "blob": "b", "chunk_size": written, "start": "1536k"}
            },
        }
    )

    assert job_document(spec)["operations"]["c"] == {
        "kind": "chunk",
        "blob": "b",
        "chunk_size": shown,
        "start": "1536KiB",
    }


SERVER = {
    "listen": ["127.0.0.1:8080", "[::1]:8080", ":http"],
    "tls": {"cert": "c.pem", "key": "k.pem", "client_ca": "ca.pem", "mutual": True},
    "authorization": {"env": "AUTH"},
    "connections": 5,
    "processes": 2,
    "access_log": "-",
    "drain": "5s",
}


@pytest.mark.parametrize(
    "operation",
    [
        {"kind": "serve-chunks", "stores": ["s"], **SERVER},
        {"kind": "serve-indexes", "url": "i", "writable": True, "listing": True, **SERVER},
        {
            "kind": "serve-chunks",
            "stores": ["s"],
            "writable": True,
            "compression": "none",
            "encryption": {"key": {"file": "key"}, "algorithm": "aes-256-gcm"},
            "verify_reads": True,
            "verify_writes": False,
            "max_chunk_size": "1MiB",
        },
        {
            "kind": "mount-index",
            "mountpoint": "m",
            "stores": ["s"],
            "memory": "1MiB",
            "allow_other": True,
            "patience": "1min",
            "index": "i",
            "copy_on_read": {
                "file": "c",
                "state": "t",
                "save_every": "5s",
                "prefetch": "p",
                "prefetch_threads": 3,
            },
        },
        {"kind": "mount", "mountpoint": "m", "archive": "a"},
        {"kind": "mount", "mountpoint": "m", "stores": ["s"], "index": "i"},
        {
            "kind": "serve-nbd",
            "index": "i",
            "stores": ["s"],
            "cache_repair": False,
            "memory": "1MiB",
            "drain": "5s",
            "listen": ["localhost:1"],
            "socket": "sock",
            "export": "disk",
            "connections": 5,
        },
        {"kind": "mkdev", "index": "i", "stores": ["s"], "device": "/dev/nbd0"},
    ],
)
def test_a_server_is_written_as_it_was_declared(operation: dict[str, Any]) -> None:
    document = {"version": 1, "stores": {"s": {"url": "s"}}, "operations": {"serve": operation}}
    job = job_from_document(document, "/", "job")

    assert tomli.loads(manifest_text(job.spec))["operations"]["serve"] == operation
