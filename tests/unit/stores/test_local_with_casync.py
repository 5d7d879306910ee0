import subprocess
from pathlib import Path

import numpy as np
import pytest

from desync_jobs.codecs.form import Form
from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.core.sizes import DEFAULT_SIZES, CutMode
from desync_jobs.formats.flags import blob_flags
from desync_jobs.formats.index import Index, parse_index, serialize_index
from desync_jobs.stores.base import Chunk
from desync_jobs.stores.forms import ChunkForms
from desync_jobs.stores.local import LocalStore
from desync_jobs.stores.reader import Reader
from desync_jobs.testing.chunks import make_chunk
from desync_jobs.testing.programs import require_program


@pytest.mark.parametrize("writes", [Form.ZSTD, Form.PLAIN])
@pytest.mark.parametrize("algorithm", list(DigestAlgorithm))
def test_casync_extracts_from_a_store_and_an_index_written_here(
    tmp_path: Path, reader: Reader, writes: Form, algorithm: DigestAlgorithm
) -> None:
    casync = require_program("casync")
    chunks = [make_chunk(f"chunk {number}\n".encode() * 5000, algorithm) for number in range(10)]
    LocalStore("s", str(tmp_path / "s.castr"), reader, ChunkForms(writes)).put(chunks)
    ends = np.cumsum([len(chunk.plain) for chunk in chunks], dtype=np.uint64)
    ids = np.frombuffer(b"".join(chunk.id for chunk in chunks), np.uint8).reshape(-1, 32)
    index = Index(blob_flags(algorithm, CutMode.CASYNC), DEFAULT_SIZES, ends, ids)
    (tmp_path / "blob.caibx").write_bytes(serialize_index(index))

    subprocess.run(
        [
            casync,
            "extract",
            "--seed-output=no",
            f"--store={tmp_path}/s.castr",
            tmp_path / "blob.caibx",
            tmp_path / "blob",
        ],
        check=True,
        capture_output=True,
    )

    assert (tmp_path / "blob").read_bytes() == b"".join(chunk.plain for chunk in chunks)


@pytest.mark.parametrize("compression", ["zstd", "xz", "gzip"])
@pytest.mark.parametrize("digest", ["sha512-256", "sha256"])
def test_a_store_that_casync_makes_now_is_read(
    tmp_path: Path, reader: Reader, compression: str, digest: str
) -> None:
    casync = require_program("casync")
    blob = b"".join(str(number).encode() for number in range(60000))
    (tmp_path / "blob").write_bytes(blob)
    subprocess.run(
        [
            casync,
            "make",
            f"--compression={compression}",
            f"--digest={digest}",
            "--chunk-size=4096",
            f"--store={tmp_path}/s.castr",
            tmp_path / "blob.caibx",
            tmp_path / "blob",
        ],
        check=True,
        capture_output=True,
    )
    index = parse_index((tmp_path / "blob.caibx").read_bytes(), "blob.caibx")

    store = LocalStore("s", str(tmp_path / "s.castr"), reader)
    answers = store.fetch([index.id(position) for position in range(len(index))])

    assert b"".join(one.plain for one in answers if isinstance(one, Chunk)) == blob
    assert store.examine(list(store.entries())) == [None] * sum(1 for _ in store.entries())
