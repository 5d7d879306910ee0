"""What casync reads is read, what it refuses is refused: one archive for each rule."""

import subprocess
from pathlib import Path

import pytest

from desync_jobs.errors import ArchiveFormatError
from desync_jobs.formats.catar.decode import Decoder
from desync_jobs.testing.programs import require_program
from tests.archives import archive
from tests.catar_cases import CASES


@pytest.mark.parametrize("name", CASES)
def test_an_archive_is_read_where_casync_reads_it(name: str, tmp_path: Path) -> None:
    casync = require_program("casync")
    data = archive(CASES[name])
    (tmp_path / "x.catar").write_bytes(data)
    asked = subprocess.run([casync, "mtree", "x.catar"], cwd=tmp_path, check=False, timeout=20)

    assert _is_read(data) == (asked.returncode == 0)


def _is_read(data: bytes) -> bool:
    decoder = Decoder("archive")
    try:
        for _ in decoder.feed(data):
            pass
        decoder.finish()
    except ArchiveFormatError as error:
        assert str(error).startswith("archive: at byte ")  # noqa: PT017 -- whatever the rule
        return False
    return True
