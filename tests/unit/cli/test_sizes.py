import click
import pytest

from desync_jobs.cli.sizes import as_in_a_manifest


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("16:64:256", "16KiB:64KiB:256KiB"),
        ("64K", "64K"),
        ("16K:64K:256K", "16K:64K:256K"),
        ("1MiB", "1MiB"),
    ],
)
def test_bare_numbers_are_kib_and_units_are_kept(written: str, meant: str) -> None:
    assert as_in_a_manifest(None, None, written) == meant


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("64", "'64' has no unit; write 64KiB, or MIN:AVG:MAX in KiB"),
        ("16:64", "'16:64' has no unit; write 16:64KiB, or"),
        ("16:64K:256", "'16:64K:256': give a unit to every size or to none"),
        ("16,64,256", "'16,64,256' is not MIN:AVG:MAX in KiB, as in 16:64:256"),
        ("", "'' is not MIN:AVG:MAX in KiB"),
        ("-16:64:256", "'-16:64:256' is not MIN:AVG:MAX in KiB"),
    ],
)
def test_sizes_that_could_be_misread_are_refused(written: str, reason: str) -> None:
    with pytest.raises(click.BadParameter) as refused:
        as_in_a_manifest(None, None, written)

    assert refused.value.message.startswith(reason)


def test_no_size_stays_no_size() -> None:
    assert as_in_a_manifest(None, None, None) is None
