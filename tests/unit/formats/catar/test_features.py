import subprocess

import pytest

from desync_jobs.formats.catar.features import DESYNC_FLAGS, FEATURES, normal_form, select_features
from desync_jobs.formats.flags import FeatureFlags, flags_problem
from desync_jobs.testing.programs import require_program

AS_CASYNC = FeatureFlags.EXCLUDE_NODUMP | FeatureFlags.SHA512_256 | FeatureFlags.EXCLUDE_FILE


@pytest.mark.parametrize(
    ("wanted", "unwanted", "expected"),
    [
        ((), (), 0xB0000001FFEFFE26),
        (("all",), (), 0xB0000001FFEFFE26),
        (("best",), (), 0xB0000001FFEFFE26),
        (("unix",), (), 0xB000000000001F09),
        (("fat",), (), 0xB00000000000E0C0),
        (("fuse",), (), 0xB000000013EFFF22),
        (("privileged",), (), 0xB0000001EC414406),
        (("acl",), (), 0xB000000020000006),
        (("acl", "read-only"), (), 0xB000000020000006),
        (("acl", "user-names"), (), 0xB000000020000004),
        (("subvolume-ro",), (), 0xB00000000C000000),
        (("usec-time", "sec-time"), (), 0xB000000000000010),
        (("flag-nodump",), (), 0xB000000000000000),
        (("chattr",), ("flag-sync",), 0xB0000000036F0000),
        ((), ("all",), 0xB000000000000000),
        (("symlinks",), ("all",), 0xB000000000000000),
    ],
)
def test_a_choice_has_the_flags_that_casync_writes_for_it(
    wanted: tuple[str, ...], unwanted: tuple[str, ...], expected: int
) -> None:
    assert select_features(wanted, unwanted, AS_CASYNC) == expected


@pytest.mark.parametrize("name", FEATURES)
def test_the_normal_form_is_one_that_casync_reads(name: str) -> None:
    flags = normal_form(FEATURES[name])

    assert flags_problem(flags) is None
    assert normal_form(flags) == flags


def test_desync_writes_a_normal_form_too() -> None:
    assert flags_problem(DESYNC_FLAGS) is None


def test_features_have_the_names_that_casync_lists() -> None:
    casync = require_program("casync")
    listed = subprocess.run([casync, "--with=help"], capture_output=True, text=True, check=True)
    single = {name for name, flags in FEATURES.items() if flags.bit_count() == 1}

    assert single == set(listed.stdout.splitlines()[1:])
