"""What an operation did, in words, from its statistics."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from desync_jobs.report.words import counted, in_bytes

Statistics: TypeAlias = Mapping[str, object]


def deed(kind: str, statistics: Statistics) -> str:
    """Say in a clause what an operation of `kind` did: `stored 12 chunks (640.0 KiB)`."""
    describe = _DEEDS.get(kind)
    return "done" if describe is None else describe(statistics)


def _number(statistics: Statistics, name: str) -> int:
    value = statistics.get(name, 0)
    return value if isinstance(value, int) else 0


def _size(statistics: Statistics, name: str) -> str:
    return in_bytes(_number(statistics, name))


def _chunks(statistics: Statistics, name: str = "chunks") -> str:
    return counted(_number(statistics, name), "chunk")


def _stored(statistics: Statistics) -> str:
    if not _number(statistics, "chunks_stored"):
        return "stored no chunks"
    return f"stored {_chunks(statistics, 'chunks_stored')} ({_size(statistics, 'bytes_stored')})"


def _also(statistics: Statistics, **words: str) -> str:
    """Go on with `, 12 chunks rewritten` for each number that is not 0; the noun is singular."""
    parts = []
    for name, said in words.items():
        noun, _, what = said.partition(" ")
        if _number(statistics, name):
            parts.append(f", {counted(_number(statistics, name), noun)} {what}")
    return "".join(parts)


def _make(statistics: Statistics) -> str:
    cut = f"cut {_size(statistics, 'bytes')} into {_chunks(statistics)}"
    return f"{cut}, {_stored(statistics)}"


def _extract(statistics: Statistics) -> str:
    parts = (
        ("chunks_from_store", "from stores"),
        ("chunks_in_place", "in place"),
        ("chunks_from_seeds", "copied or zero"),
    )
    sources = ", ".join(
        f"{_number(statistics, name):,} {words}"
        for name, words in parts
        if _number(statistics, name)
    )
    total = _number(statistics, "chunks_total")
    if total and _number(statistics, "chunks_in_place") == total:
        return f"wrote nothing: all of {_chunks(statistics, 'chunks_total')} were in place"
    whole = f"wrote {_size(statistics, 'bytes_total')}"
    return f"{whole} in {_chunks(statistics, 'chunks_total')}" + (sources and f": {sources}")


def _verify(statistics: Statistics) -> str:
    damaged = statistics.get("damaged", ())
    count = len(damaged) if isinstance(damaged, (list, tuple)) else 0
    checked = f"checked {_chunks(statistics)} ({_size(statistics, 'bytes_stored')})"
    total = _number(statistics, "chunks_in_store")
    if total > _number(statistics, "chunks"):
        checked += f" of {total:,}"
    if not count:
        return f"{checked}, all are sound"
    acts = [(_number(statistics, name), name) for name in ("replaced", "removed")]
    told = [f"{number:,} {name}" for number, name in acts if number]
    return ", ".join([f"{checked}, {count:,} damaged", *told])


def _verify_chunks(statistics: Statistics) -> str:
    indexes = counted(_number(statistics, "indexes"), "index")
    looked = f"looked for {_chunks(statistics)} of {indexes}"
    names = ("missing", "damaged", "unknown")
    told = [f"{_number(statistics, one):,} {one}" for one in names if _number(statistics, one)]
    return ", ".join([looked, *(told or ["all are there"])])


def _verify_index(statistics: Statistics) -> str:
    checked = f"checked {_size(statistics, 'bytes')} in {_chunks(statistics)}"
    wrong = _number(statistics, "wrong_chunks")
    return f"{checked}, {wrong:,} differ" if wrong else f"{checked}, all are as described"


def _chop(statistics: Statistics) -> str:
    return _stored(statistics)


def _cache(statistics: Statistics) -> str:
    return _stored(statistics).replace("stored", "copied", 1)


def _cat(statistics: Statistics) -> str:
    return f"wrote {_size(statistics, 'bytes')} from {_chunks(statistics)}"


def _chunk(statistics: Statistics) -> str:
    return f"found {_chunks(statistics)} in {_size(statistics, 'bytes')}"


def _list_chunks(statistics: Statistics) -> str:
    return f"listed {_chunks(statistics)}"


def _describe(statistics: Statistics) -> str:
    return f"described {_chunks(statistics)}"


def _info(statistics: Statistics) -> str:
    return f"described {_chunks(statistics, 'total')}"


def _digest(statistics: Statistics) -> str:
    return f"digested {_size(statistics, 'bytes')}"


def _pull(statistics: Statistics) -> str:
    return f"served {_chunks(statistics)}"


def _serve(statistics: Statistics) -> str:
    return f"answered {counted(_number(statistics, 'requests'), 'request')}"


def _mount(statistics: Statistics) -> str:
    read = f"gave {_size(statistics, 'bytes')} in {counted(_number(statistics, 'reads'), 'read')}"
    failed = _number(statistics, "failed")
    return f"{read}, {failed:,} failed" if failed else read


def _serve_blob(statistics: Statistics) -> str:
    return f"{_serve(statistics)} with {_size(statistics, 'bytes')}"


def _tar(statistics: Statistics) -> str:
    entries = counted(_number(statistics, "entries"), "entry")
    archived = f"archived {entries} in {_size(statistics, 'bytes')}"
    if "chunks" not in statistics:
        return archived
    return f"{archived}, cut into {_chunks(statistics)}, {_stored(statistics)}"


def _untar(statistics: Statistics) -> str:
    entries = _number(statistics, "entries")
    if "bytes" in statistics:
        return f"wrote {counted(entries, 'entry')} in {_size(statistics, 'bytes')}"
    written = _number(statistics, "entries_written") + _number(statistics, "entries_changed")
    parts = [f"wrote {written:,} of {counted(entries, 'entry')}"]
    for name, words in (("entries_removed", "removed"), ("entries_left_out", "left out")):
        if _number(statistics, name):
            parts.append(f"{words} {_number(statistics, name):,}")
    if _number(statistics, "files_linked"):
        parts.append(f"linked {_number(statistics, 'files_linked'):,} of seeds")
    if _number(statistics, "bytes_cloned"):
        parts.append(f"sharing {_size(statistics, 'bytes_cloned')} with seeds")
    return ", ".join(parts)


def _put(statistics: Statistics) -> str:
    nodes = counted(_number(statistics, "nodes"), "node")
    return f"cut {nodes} ({_size(statistics, 'bytes')}) into {_chunks(statistics)}, " + (
        _stored(statistics)
    )


def _get(statistics: Statistics) -> str:
    nodes = counted(_number(statistics, "nodes"), "node")
    return f"wrote {nodes} ({_size(statistics, 'bytes')}) from {_chunks(statistics)}"


def _prune(statistics: Statistics) -> str:
    deed = "put aside" if "chunks_put_aside" in statistics else "removed"
    removed = f"{deed} {_chunks(statistics, 'chunks_removed')}"
    also = _also(
        statistics,
        indexes_removed=f"index {deed}",
        chunks_marked="chunk waiting for the end of the grace",
        chunks_brought_back="chunk brought back",
        chunks_purged="chunk gone from quarantine",
        indexes_purged="index gone from quarantine",
    )
    return f"{removed} ({_size(statistics, 'bytes_removed')}){also}"


def _unprune(statistics: Statistics) -> str:
    indexes = counted(_number(statistics, "indexes_brought_back"), "index")
    return f"brought back {_chunks(statistics, 'chunks_brought_back')} and {indexes}"


def _migrate(statistics: Statistics) -> str:
    also = _also(
        statistics,
        chunks_rewritten="chunk rewritten",
        indexes_written="index written",
        indexes_removed="index removed",
    )
    return f"{_cache(statistics)}{also}"


def _publish(statistics: Statistics) -> str:
    files = counted(_number(statistics, "files_written"), "file")
    return f"{_cache(statistics)}, wrote {files}"


def _archive_verify(statistics: Statistics) -> str:
    return f"compared {counted(_number(statistics, 'same'), 'node')}, all are as described"


def _diff(statistics: Statistics) -> str:
    found = [
        f"{_number(statistics, key):,} {key}"
        for key in ("added", "removed", "changed")
        if _number(statistics, key)
    ]
    return ", ".join(found) or "found no difference"


def _diff_indexes(statistics: Statistics) -> str:
    download = statistics.get("download")
    if statistics.get("same") or not isinstance(download, Mapping):
        return "found no difference"
    return f"{_size(download, 'bytes')} to fetch in {_chunks(download)}"


def _list(statistics: Statistics) -> str:
    return f"listed {counted(_number(statistics, 'nodes'), 'node')}"


def _mtree(statistics: Statistics) -> str:
    return f"described {counted(_number(statistics, 'nodes'), 'node')}"


_DEEDS: Final[Mapping[str, Callable[[Statistics], str]]] = MappingProxyType(
    {
        "make": _make,
        "prune": _prune,
        "unprune": _unprune,
        "migrate": _migrate,
        "publish": _publish,
        "extract": _extract,
        "verify": _verify,
        "verify-index": _verify_index,
        "verify-chunks": _verify_chunks,
        "chop": _chop,
        "cache": _cache,
        "cat": _cat,
        "chunk": _chunk,
        "list-chunks": _list_chunks,
        "info": _info,
        "inspect-chunks": _describe,
        "digest": _digest,
        "pull": _pull,
        "serve-chunks": _serve,
        "serve-indexes": _serve,
        "mount-index": _mount,
        "mount": _mount,
        "serve-nbd": _serve_blob,
        "mkdev": _serve_blob,
        "tar": _tar,
        "untar": _untar,
        "put": _put,
        "get": _get,
        "archive-verify": _archive_verify,
        "diff": _diff,
        "diff-indexes": _diff_indexes,
        "list": _list,
        "mtree": _mtree,
    }
)
