"""`mtree` prints what `casync mtree` prints, or what desync would if it made no mistakes."""

from pathlib import Path

from tests.workspace import Workspace

ARCHIVES = Path(__file__).parents[1] / "vectors" / "archives"


def test_the_reference_archive_is_described_as_casync_describes_it(workspace: Workspace) -> None:
    ended = workspace.do("mtree", archive=str(ARCHIVES / "reference.catar"))

    assert ended.summary == (0, "done")
    assert ended.output == (ARCHIVES / "reference.mtree").read_bytes()


def test_the_words_may_be_those_of_desync(workspace: Workspace) -> None:
    ended = workspace.do("mtree", archive=str(ARCHIVES / "reference.catar"), style="desync")
    first, *lines = ended.output.decode().splitlines()
    theirs = (ARCHIVES / "reference.mtree").read_text().splitlines()
    kinds = {line.split()[1] for line in lines}

    assert first == "#mtree v1.0"
    assert len(lines) == len(theirs)
    assert lines[0].startswith(". type=dir mode=")
    # Both are mistakes of desync's: times padded with spaces, and char devices called block.
    assert not any("time=" in line and ".  " in line for line in lines)
    assert "type=char" in kinds
