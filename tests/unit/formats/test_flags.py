import subprocess
from pathlib import Path

import pytest

from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.core.sizes import DEFAULT_SIZES, CutMode
from desync_jobs.formats.flags import (
    KNOWN_FLAGS,
    FeatureFlags,
    blob_flags,
    flags_algorithm,
    flags_problem,
)
from desync_jobs.formats.index_layout import index_header, index_tail
from desync_jobs.testing.programs import require_program


@pytest.mark.parametrize(
    ("algorithm", "mode", "flags"),
    [
        (DigestAlgorithm.SHA512_256, CutMode.CASYNC, 0xB000000000000000),
        (DigestAlgorithm.SHA256, CutMode.CASYNC, 0x9000000000000000),
        (DigestAlgorithm.SHA512_256, CutMode.DESYNC_1_0, 0xA000000000000000),
        (DigestAlgorithm.SHA256, CutMode.DESYNC_1_0, 0x8000000000000000),
    ],
)
def test_a_blob_has_the_flags_of_the_program_it_is_cut_like(
    algorithm: DigestAlgorithm, mode: CutMode, flags: int
) -> None:
    assert blob_flags(algorithm, mode) == flags
    assert flags_algorithm(flags) is algorithm


def test_every_known_bit_has_a_name() -> None:
    assert sum(FeatureFlags) == KNOWN_FLAGS


@pytest.mark.parametrize(
    "flags",
    [0, 0xB0000001FFEFFE26, 0xB0000001BFEFFE26, 0xA0000000FFEFFE26, 0xB000000010001F22],
)
def test_flags_that_archivers_write_are_accepted(flags: int) -> None:
    assert flags_problem(flags) is None


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (0x200000000, "feature flags 0x200000000 have unknown bits 0x200000000"),
        (
            (1 << 64) - 1,
            "feature flags 0xffffffffffffffff have unknown bits 0xffffffe00000000",
        ),
        (0x3, "normal form: USER_IDS_32BIT excludes USER_IDS_16BIT"),
        (0x28, "normal form: TIME_NANOSECONDS excludes TIME_SECONDS"),
        (0x18, "normal form: TIME_MICROSECONDS excludes TIME_SECONDS"),
        (0x48, "normal form: TIME_SECONDS excludes TIME_TWO_SECONDS"),
        (0x20000102, "normal form: ACL excludes PERMISSIONS"),
        (0x20000082, "normal form: ACL excludes READ_ONLY"),
        (0x180, "normal form: PERMISSIONS excludes READ_ONLY"),
        (0x8000000000100000, "normal form: EXCLUDE_NODUMP excludes ATTRIBUTE_NODUMP"),
        (0x20000000, "normal form: ACL needs USER_IDS_16BIT or USER_IDS_32BIT or USER_NAMES"),
        (0x8000000, "normal form: SUBVOLUME_READ_ONLY needs SUBVOLUME"),
    ],
)
def test_flags_out_of_their_normal_form_are_refused_with_the_reason(
    flags: int, problem: str
) -> None:
    answer = flags_problem(flags)

    assert answer is not None
    assert answer.endswith(problem)


_SAMPLE = [
    0x1,
    0x3,
    0x28,
    0x108,
    0x180,
    0x20000000,
    0x20000004,
    0x20000102,
    0x8000000,
    0xC000000,
    0x100000,
    0x8000000000100000,
    0x1FFFFFE26,
    0x200000000,
    0x800000000000000,
]


def test_casync_reads_exactly_the_flags_that_are_accepted(tmp_path: Path) -> None:
    casync = require_program("casync")
    index = tmp_path / "flags.caibx"
    read_by_casync = []
    for flags in _SAMPLE:
        index.write_bytes(index_header(flags, DEFAULT_SIZES) + index_tail(0))
        done = subprocess.run(
            [casync, "digest", f"--store={tmp_path}", str(index)], capture_output=True, check=False
        )
        if done.returncode == 0:
            read_by_casync.append(flags)

    assert read_by_casync == [flags for flags in _SAMPLE if flags_problem(flags) is None]
