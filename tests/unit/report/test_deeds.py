import pytest

from desync_jobs.report.deeds import deed

KIB = 1024


@pytest.mark.parametrize(
    ("kind", "statistics", "words"),
    [
        (
            "make",
            {"bytes": 640 * KIB, "chunks": 10, "chunks_stored": 3, "bytes_stored": 96 * KIB},
            "cut 640.0 KiB into 10 chunks, stored 3 chunks (96.0 KiB)",
        ),
        ("make", {"bytes": 1, "chunks": 1}, "cut 1 byte into 1 chunk, stored no chunks"),
        (
            "extract",
            {
                "bytes_total": 640 * KIB,
                "chunks_total": 10,
                "chunks_from_store": 4,
                "chunks_in_place": 5,
                "chunks_from_seeds": 1,
            },
            "wrote 640.0 KiB in 10 chunks: 4 from stores, 5 in place, 1 copied or zero",
        ),
        ("extract", {"bytes_total": 0, "chunks_total": 0}, "wrote 0 bytes in 0 chunks"),
        (
            "verify",
            {"chunks": 7, "bytes_stored": 2 * KIB, "damaged": [], "removed": 0},
            "checked 7 chunks (2.0 KiB), all are sound",
        ),
        (
            "verify",
            {"chunks": 7, "bytes_stored": 2 * KIB, "damaged": ["ab", "cd"], "removed": 2},
            "checked 7 chunks (2.0 KiB), 2 damaged, 2 removed",
        ),
        (
            "verify-index",
            {"bytes": 2 * KIB, "chunks": 3, "wrong_chunks": 0, "wrong_ranges": []},
            "checked 2.0 KiB in 3 chunks, all are as described",
        ),
        (
            "verify-index",
            {"bytes": 2 * KIB, "chunks": 3, "wrong_chunks": 1, "wrong_ranges": [[0, 9]]},
            "checked 2.0 KiB in 3 chunks, 1 differ",
        ),
        ("chop", {"chunks_stored": 1, "bytes_stored": 9}, "stored 1 chunk (9 bytes)"),
        ("cache", {"chunks_stored": 2, "bytes_stored": 9}, "copied 2 chunks (9 bytes)"),
        ("cat", {"bytes": 9, "chunks": 2}, "wrote 9 bytes from 2 chunks"),
        ("chunk", {"bytes": 9, "chunks": 2}, "found 2 chunks in 9 bytes"),
        ("list-chunks", {"chunks": 2}, "listed 2 chunks"),
        ("info", {"total": 2, "unique": 1}, "described 2 chunks"),
        ("inspect-chunks", {"chunks": 2}, "described 2 chunks"),
        ("digest", {"bytes": 9, "digest": "00"}, "digested 9 bytes"),
        ("pull", {"chunks": 2}, "served 2 chunks"),
        ("serve-chunks", {"requests": 2}, "answered 2 requests"),
        ("serve-indexes", {"requests": 1}, "answered 1 request"),
        (
            "untar",
            {
                "entries": 9,
                "entries_written": 5,
                "entries_changed": 1,
                "files_linked": 2,
                "bytes_cloned": 2048,
            },
            "wrote 6 of 9 entries, linked 2 of seeds, sharing 2.0 KiB with seeds",
        ),
        ("mount-index", {"bytes": 2048, "reads": 2}, "gave 2.0 KiB in 2 reads"),
        ("mount-index", {"bytes": 9, "reads": 1, "failed": 2}, "gave 9 bytes in 1 read, 2 failed"),
        ("mount", {"bytes": 9, "reads": 1}, "gave 9 bytes in 1 read"),
        ("serve-nbd", {"requests": 2, "bytes": 2048}, "answered 2 requests with 2.0 KiB"),
        ("mkdev", {"requests": 1, "bytes": 10}, "answered 1 request with 10 bytes"),
        ("tar", {"entries": 1, "bytes": 2048}, "archived 1 entry in 2.0 KiB"),
        (
            "tar",
            {"entries": 2, "bytes": KIB, "chunks": 1, "chunks_stored": 1, "bytes_stored": 9},
            "archived 2 entries in 1.0 KiB, cut into 1 chunk, stored 1 chunk (9 bytes)",
        ),
        (
            "put",
            {"nodes": 2, "bytes": KIB, "chunks": 1, "chunks_stored": 1, "bytes_stored": 9},
            "cut 2 nodes (1.0 KiB) into 1 chunk, stored 1 chunk (9 bytes)",
        ),
        ("get", {"nodes": 1, "bytes": KIB, "chunks": 3}, "wrote 1 node (1.0 KiB) from 3 chunks"),
        ("archive-verify", {"same": 3}, "compared 3 nodes, all are as described"),
        (
            "verify",
            {
                "chunks": 5,
                "bytes_stored": 9,
                "chunks_in_store": 100,
                "damaged": ["a"],
                "replaced": 1,
            },
            "checked 5 chunks (9 bytes) of 100, 1 damaged, 1 replaced",
        ),
        (
            "verify-chunks",
            {"indexes": 2, "chunks": 7},
            "looked for 7 chunks of 2 indexes, all are there",
        ),
        (
            "verify-chunks",
            {"indexes": 1, "chunks": 7, "missing": 2, "unknown": 1},
            "looked for 7 chunks of 1 index, 2 missing, 1 unknown",
        ),
        ("diff", {"same": 3, "added": 1, "changed": 1200}, "1 added, 1,200 changed"),
        ("diff", {"same": 3}, "found no difference"),
        ("diff-indexes", {"same": True, "download": {}}, "found no difference"),
        (
            "diff-indexes",
            {"same": False, "download": {"chunks": 2, "bytes": KIB}},
            "1.0 KiB to fetch in 2 chunks",
        ),
        ("list", {"nodes": 1}, "listed 1 node"),
        ("mtree", {"nodes": 1200}, "described 1,200 nodes"),
        (
            "prune",
            {"chunks_removed": 2, "bytes_removed": 9, "indexes_removed": 1},
            "removed 2 chunks (9 bytes), 1 index removed",
        ),
        (
            "prune",
            {
                "chunks_removed": 2,
                "bytes_removed": 9,
                "indexes_removed": 1,
                "chunks_put_aside": 2,
                "indexes_put_aside": 1,
            },
            "put aside 2 chunks (9 bytes), 1 index put aside",
        ),
        ("a kind of tomorrow", {"bytes": 9}, "done"),
    ],
)
def test_statistics_are_put_into_words(
    kind: str, statistics: dict[str, object], words: str
) -> None:
    assert deed(kind, statistics) == words
