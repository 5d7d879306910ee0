import gzip
import lzma
from pathlib import Path

import pytest
import zstandard

from desync_jobs.codecs.form import Form, detect_form

STORES = Path(__file__).parents[2] / "vectors" / "stores"


@pytest.mark.parametrize(
    ("data", "form"),
    [
        (zstandard.compress(b"chunk"), Form.ZSTD),
        (lzma.compress(b"chunk"), Form.XZ),
        (gzip.compress(b"chunk", mtime=0), Form.GZIP),
        (memoryview(gzip.compress(b"chunk", mtime=0)), Form.GZIP),
        (b"", None),
        (b"\xfd7zXZ", None),
        (b"\x1f", None),
        (b"some data", None),
    ],
)
def test_compressed_data_is_known_by_its_first_bytes(
    data: bytes | memoryview, form: Form | None
) -> None:
    assert detect_form(data) is form


@pytest.mark.parametrize(
    ("store", "form"),
    [
        ("zstd.castr", Form.ZSTD),
        ("xz.castr", Form.XZ),
        ("gzip.castr", Form.GZIP),
        ("desync.castr", Form.ZSTD),
    ],
)
def test_every_chunk_of_casync_and_desync_is_known(store: str, form: Form) -> None:
    files = list((STORES / store).glob("*/*.cacnk"))

    assert len(files) == 30
    assert {detect_form(file.read_bytes()) for file in files} == {form}
