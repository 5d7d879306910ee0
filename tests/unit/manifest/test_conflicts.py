from collections.abc import Callable

Problems = Callable[..., list[str]]


def test_an_operation_that_overwrites_what_it_reads_is_refused(problems: Problems) -> None:
    found = problems(
        "version = 1\n"
        "[operations.make]\nkind = 'make'\nblob = 'a/../image'\nindex = './image'\n"
        "[operations.list]\nkind = 'list-chunks'\nindex = '/jobs/i'\noutput = 'i'"
    )

    assert found == [
        "operations.make: reads and writes the same file './image'",
        "operations.list: reads and writes the same file 'i'",
    ]


def test_streams_are_not_the_same_file(job: Callable[..., object]) -> None:
    job("version = 1\n[operations.make]\nkind = 'make'\nblob = '-'\nindex = '-'")


def test_conflicts_are_found_beside_mistakes_in_other_operations(problems: Problems) -> None:
    found = problems(
        "version = 1\n"
        "[operations.a]\nkind = 'digest'\n"
        "[operations.b]\nkind = 'digest'\nblob = 'x'\noutput = 'x'\n"
        "[operations.c]\nkind = 'nothing'\n"
        "[operations.d]\nkind = 3"
    )

    assert [line for line in found if "same file" in line] == [
        "operations.b: reads and writes the same file 'x'"
    ]
    assert len(found) == 4


def test_an_archive_is_either_a_file_or_chunks_with_an_index(problems: Problems) -> None:
    found = problems(
        "version = 1\n[stores.s]\nurl = 's'\n"
        "[operations.none]\nkind = 'tar'\ndirectory = 'd'\n"
        "[operations.both]\nkind = 'tar'\ndirectory = 'd'\narchive = 'a'\nindex = 'i'\n"
        "[operations.store]\nkind = 'tar'\ndirectory = 'd'\narchive = 'b'\nstore = 's'"
    )

    assert found == [
        "operations.none: give either archive, or index with a store",
        "operations.both: give either archive, or index with a store",
        "operations.store.store: keeps the chunks of an index; give index",
    ]


def test_the_index_of_an_archive_is_not_made_of_any_blob(problems: Problems) -> None:
    found = problems(
        "version = 1\n[operations.m]\nkind = 'make'\nblob = 'b'\nindex = 'https://h/x.caidx'"
    )

    assert found == [
        (
            "operations.m.index: ends in .caidx, which is the index of an archive; kind 'put' "
            "makes one of an archive, and that of a blob ends in .caibx"
        )
    ]
