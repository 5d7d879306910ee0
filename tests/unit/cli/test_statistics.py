import json

import pytest

from desync_jobs.cli.statistics import print_statistics


def test_make_prints_the_names_of_desync_to_standard_error(
    capfd: pytest.CaptureFixture[str],
) -> None:
    print_statistics("make", {"bytes": 9, "chunks": 7, "chunks_stored": 3, "bytes_stored": 5})
    written = capfd.readouterr()

    assert written.out == ""
    assert json.loads(written.err) == {"ChunksAccepted": 7, "ChunksProduced": 7}


def test_extract_prints_the_names_of_desync_to_standard_output(
    capfd: pytest.CaptureFixture[str],
) -> None:
    statistics = {
        "bytes_total": 1,
        "chunks_total": 2,
        "chunks_from_store": 3,
        "chunks_in_place": 4,
        "chunks_from_seeds": 5,
        "bytes_from_store": 6,
        "bytes_copied_from_seeds": 7,
        "bytes_cloned_from_seeds": 8,
        "block_size": 9,
        "seeds": 10,
    }
    print_statistics("extract", statistics)
    written = capfd.readouterr()

    assert written.err == ""
    assert json.loads(written.out) == {
        "bytes-total": 1,
        "chunks-total": 2,
        "chunks-from-store": 3,
        "chunks-in-place": 4,
        "chunks-from-seeds": 5,
        "bytes-copied-from-seeds": 7,
        "bytes-cloned-from-seeds": 8,
        "blocksize": 9,
        "seeds": 10,
    }
